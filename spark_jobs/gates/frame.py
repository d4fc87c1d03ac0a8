"""The frame that a suite looks at: a table's checked columns, and one column of offending values for each rule that spans columns or tables."""

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from goeswith.catalogue import Differ, References, Table, find_table
from goeswith.jobs import JobRun
from spark_jobs.gates.rules import offence_column
from spark_jobs.tables import read_table

Target = tuple[str, str]
"""Table and column that a reference points to."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A frame that lies persisted in Spark, and its number of rows."""

    frame: DataFrame
    rows: int


def read_keys(spark: SparkSession, job: JobRun, reference: References) -> DataFrame:
    """Return the legal values of a reference, one column, at the version of the other table that this run reads."""
    return read_table(spark, job.profile, reference.table, job.version_of(reference.table)).select(reference.to)


def prepare_frame(spark: SparkSession, job: JobRun, name: str, version: int, keys: Mapping[Target, Future[DataFrame]]) -> Prepared:
    """Read one version of a table and persist the frame that its suite looks at."""
    table = find_table(name)
    legal = {target: keys[target].result() for target in map(target_of, references_of(table))}
    frame = build_frame(table, read_table(spark, job.profile, name, version), legal).persist()
    return Prepared(frame, frame.count())


def references_of(table: Table) -> list[References]:
    """Return the rules of a table that look into another one."""
    return [rule for rule in table.rules if isinstance(rule, References)]


def target_of(reference: References) -> Target:
    """Return the column that a reference points to: many references share one."""
    return reference.table, reference.to


def build_frame(table: Table, rows: DataFrame, keys: Mapping[Target, DataFrame]) -> DataFrame:
    """Return one row a row of ``rows``: the columns that expectations name, and the offence columns.

    ``keys`` gives for each target of a reference the frame whose one column holds the legal values.
    """
    frame = rows.select(*checked_columns(table))
    for rule in table.rules:
        if isinstance(rule, Differ):
            frame = frame.withColumn(offence_column(rule), F.when(F.col(rule.left) == F.col(rule.right), F.col(rule.left)))
        elif isinstance(rule, References):
            frame = _with_missing(frame, rule, keys[target_of(rule)])
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
