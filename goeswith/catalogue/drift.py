"""The table that says how far the shop has moved from what the served models know."""

import pyarrow as pa

from goeswith.catalogue.rules import OneOf
from goeswith.catalogue.schema import TIMESTAMP, Layer, Table, Writer, field

KINDS = ("items", "events", "edges", "scores", "coverage", "reactions")
VERDICTS = ("too_few", "fine", "ticket", "retrain")
"""What a measure comes to; the worst last."""

DRIFT = Table(
    name="drift",
    doc="What each run of watch_drift measured: today's shop beside the one that the served models were trained on. Never released.",
    layer=Layer.CONTROL,
    writer=Writer.KERNEL,
    owner="models team",
    key=("run", "kind", "name", "part"),
    schema=pa.schema(
        [
            field("run", pa.string(), "the run that measured it"),
            field("kind", pa.string(), "what it is about"),
            field("name", pa.string(), "what was compared"),
            field("part", pa.string(), "of which currency, relation or source; '' where it is over all"),
            field("measured_at", TIMESTAMP, "when"),
            field("table", pa.string(), "the table whose versions are compared"),
            field("reference", pa.string(), "what it is compared with: a release, or days, the first and the one after the last"),
            field("reference_version", pa.int64(), "the version of the table there"),
            field("current_version", pa.int64(), "the version of the table that was measured"),
            field(
                "value",
                pa.float64(),
                "a distribution's PSI, a rate's change as a part of it, a share's change or level; null: nothing to count",
                null=True,
            ),
            field("low", pa.float64(), "where the value lies at least; null where there is no interval", null=True),
            field("high", pa.float64(), "where it lies at most", null=True),
            field("before", pa.float64(), "the rate or share in the reference; null of a distribution", null=True),
            field("after", pa.float64(), "the same now", null=True),
            field("threshold", pa.float64(), "from here on somebody should look; a fall is held against it without its sign"),
            field("retrain_at", pa.float64(), "from here on training is due; null where training mends nothing", null=True),
            field("verdict", pa.string(), "too_few (rows to say anything), fine, ticket (somebody should look) or retrain"),
            field("rows", pa.int64(), "how many were counted, of the smaller side", unit="rows"),
            field("training", pa.string(), "the run of training that this measure asked for; null where it asked for none", null=True),
        ]
    ),
    rules=(OneOf(column="kind", values=KINDS), OneOf(column="verdict", values=VERDICTS)),
)
