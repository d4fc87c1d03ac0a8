"""Tables that say which versions of the others may be read, and why."""

import pyarrow as pa

from goeswith.catalogue.schema import TIMESTAMP, Layer, OneOf, Table, Writer, field

VERSIONS = pa.list_(pa.struct([pa.field("table", pa.string()), pa.field("version", pa.int64())]))

GATE_RESULTS = Table(
    name="gate_results",
    doc="What each gate saw, expectation by expectation, and its decision.",
    layer=Layer.CONTROL,
    writer=Writer.KERNEL,
    owner="data quality",
    key=("run", "table", "version", "expectation"),
    schema=pa.schema(
        [
            field("run", pa.string(), "the run"),
            field("table", pa.string(), "the table that was checked"),
            field("version", pa.int64(), "its version"),
            field("expectation", pa.string(), "what was expected, with its column"),
            field("success", pa.bool_(), "whether it held"),
            field("severity", pa.string(), "stop or warn"),
            field("observed", pa.string(), "observed value, as JSON", null=True),
            field("unexpected", pa.int64(), "rows that broke it", null=True, unit="rows"),
            field("sample", pa.string(), "a few values that broke it, as JSON", null=True),
            field("decision", pa.string(), "pass, stop, or crashed: the decision on the whole version"),
            field("checked_at", TIMESTAMP, "when"),
        ]
    ),
    rules=(
        OneOf(column="severity", values=("stop", "warn")),
        OneOf(column="decision", values=("pass", "stop", "crashed")),
    ),
)

RELEASES = Table(
    name="releases",
    doc="Each row names one consistent version of every table; all readers start here.",
    layer=Layer.CONTROL,
    writer=Writer.KERNEL,
    owner="data platform",
    key=("release",),
    schema=pa.schema(
        [
            field("release", pa.string(), "the run that released it"),
            field("versions", VERSIONS, "table and version"),
            field("created_at", TIMESTAMP, "when"),
            field("invalid_since", TIMESTAMP, "from when on nobody may read it; null while it may be read", null=True),
            field("invalid_reason", pa.string(), "why: its versions expired, or a user that they knew was forgotten", null=True),
        ]
    ),
)
