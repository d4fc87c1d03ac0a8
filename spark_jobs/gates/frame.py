"""The frame that a suite looks at: a table's checked columns, and one column of offending values for each rule that spans columns or tables."""

from collections.abc import Mapping

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from goeswith.catalogue import Differ, References, Table
from spark_jobs.gates.suite import offence_column


def build_frame(table: Table, rows: DataFrame, keys: Mapping[References, DataFrame]) -> DataFrame:
    """Return one row a row of ``rows``: the columns that expectations name, and the offence columns.

    ``keys`` gives for each reference the frame whose first column holds the legal values.
    """
    frame = rows.select(*checked_columns(table))
    for rule in table.rules:
        if isinstance(rule, Differ):
            frame = frame.withColumn(offence_column(rule), F.when(F.col(rule.left) == F.col(rule.right), F.col(rule.left)))
        elif isinstance(rule, References):
            frame = _with_missing(frame, rule, keys[rule])
    return frame


def checked_columns(table: Table) -> tuple[str, ...]:
    """Return the columns that a gate must read: long texts that nothing is expected of stay on disk."""
    ruled = {getattr(rule, name) for rule in table.rules for name in ("column", "left", "right") if hasattr(rule, name)}
    return tuple(name for name in table.columns if name in {*table.key, *table.required, *ruled})


def _with_missing(frame: DataFrame, rule: References, legal: DataFrame) -> DataFrame:
    """Add the values that are no key of the other table: one set-based join, null where the value is found or null."""
    known = legal.select(F.col(legal.columns[0]).alias("_legal")).distinct()
    joined = frame.join(known, on=F.col(rule.column) == F.col("_legal"), how="left")
    return joined.withColumn(offence_column(rule), F.when(F.col("_legal").isNull(), F.col(rule.column))).drop("_legal")
