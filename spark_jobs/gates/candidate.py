"""A version under examination: its rows, what they were counted to, and what that is compared with."""

from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession

from goeswith.catalogue import Table, find_table
from goeswith.jobs import JobRun
from spark_jobs.gates.baseline import Baseline, read_baseline
from spark_jobs.gates.measure import Known, Measured, Target, measure_version, references_of, target_of
from spark_jobs.tables import read_table


@dataclass(frozen=True, slots=True)
class Candidate:
    """All that a gate looks at. ``rows`` are fetched again only for samples of what broke."""

    table: Table
    rows: DataFrame
    known: Known
    measured: Measured
    baseline: Baseline


def measure_candidate(spark: SparkSession, job: JobRun, name: str, version: int) -> Candidate:
    """Read and count one version of a table. Raises ``VersionMissing`` where it, or a table that it refers to, is not there."""
    table = find_table(name)
    known = {target: read_known(spark, job, target) for target in dict.fromkeys(map(target_of, references_of(table)))}
    rows = read_table(spark, job.profile, name, version)
    measured = measure_version(table, rows, known)
    with measured.timed("released"):
        baseline = read_baseline(spark, job, table, known, (version, measured.counts))
    return Candidate(table, rows, known, measured, baseline)


def read_known(spark: SparkSession, job: JobRun, target: Target) -> DataFrame:
    """Return the legal values of a reference, ``value``, at the version of the other table that this run reads."""
    name, column = target
    return read_table(spark, job.profile, name, job.version_of(name)).selectExpr(f"`{column}` AS value")
