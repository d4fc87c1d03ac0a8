"""Tables that say which versions of the others may be read, and why."""

import pyarrow as pa

from goeswith.catalogue.rules import OneOf
from goeswith.catalogue.schema import TIMESTAMP, Layer, Table, Writer, field

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
            field(
                "sample",
                pa.string(),
                "at most ten of the rows (or parts) that broke it, as JSON: key and broken columns, private values masked",
                null=True,
            ),
            field("decision", pa.string(), "pass, overridden, stop or crashed: the decision on the whole version"),
            field("checked_at", TIMESTAMP, "when"),
        ]
    ),
    rules=(
        OneOf(column="severity", values=("stop", "warn")),
        OneOf(column="decision", values=("pass", "overridden", "stop", "crashed")),
    ),
)

GATE_OVERRIDES = Table(
    name="gate_overrides",
    doc="Who let a version pass although an expectation that stops it did not hold, and why. Each holds for one version.",
    layer=Layer.CONTROL,
    writer=Writer.KERNEL,
    owner="data quality",
    key=("table", "expectation", "created_at"),
    schema=pa.schema(
        [
            field("table", pa.string(), "the table whose gate is overridden"),
            field("expectation", pa.string(), "the expectation that need not hold, as gate_results names it"),
            field("created_at", TIMESTAMP, "when it was given"),
            field("author", pa.string(), "who gave it"),
            field("reason", pa.string(), "why"),
            field("run", pa.string(), "the only run that may use it; null where the next that needs it may", null=True),
            field("used_run", pa.string(), "the run that used it", null=True),
            field("used_version", pa.int64(), "the version that it let pass; null while it waits", null=True),
        ]
    ),
)

VERSION_STATISTICS = Table(
    name="version_statistics",
    doc="Counts of each gated version, so that the next one is compared without reading this one again.",
    layer=Layer.CONTROL,
    writer=Writer.KERNEL,
    owner="data quality",
    key=("table", "version", "statistic", "part", "bin"),
    schema=pa.schema(
        [
            field("table", pa.string(), "the table"),
            field("version", pa.int64(), "its version"),
            field("statistic", pa.string(), "rows, nulls of a column, values of a column, or degrees"),
            field("part", pa.string(), "values of the columns that it is counted by; '' where it is counted over all rows"),
            field("bin", pa.string(), "the value or range that is counted; '' in the total"),
            field("count", pa.int64(), "how many"),
        ]
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
            field("reason", pa.string(), "why its run was started, where somebody or something said so: drift, for one", null=True),
        ]
    ),
)

STREAM_BATCHES = Table(
    name="stream_batches",
    doc="What each micro-batch of a stream brought, written once however often it is taken in: rows in = kept + quarantined + duplicates.",
    layer=Layer.CONTROL,
    writer=Writer.SPARK,
    owner="data platform",
    key=("query", "batch", "target"),
    schema=pa.schema(
        [
            field("query", pa.string(), "the streaming query: one a checkpoint"),
            field("batch", pa.int64(), "the micro-batch, counted from 0"),
            field("target", pa.string(), "the table that its rows were meant for, or 'pictures'"),
            field("stream", pa.string(), "the stream, as its folder below the profile's home is called"),
            field("rows_in", pa.int64(), "rows that came", unit="rows"),
            field("kept", pa.int64(), "rows that were new or newer", unit="rows"),
            field("quarantined", pa.int64(), "rows that were refused", unit="rows"),
            field("duplicates", pa.int64(), "rows that were known", unit="rows"),
            field("updated_at", TIMESTAMP, "when it came"),
        ]
    ),
)
