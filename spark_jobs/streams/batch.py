"""One micro-batch: parsed, settled and merged as an increment of ingest.

It may be taken in again after a crash at any moment: a MERGE by key writes nothing twice, and the account stands as it was written first.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from goeswith import lake
from goeswith.jobs import JobRun
from goeswith.profile import Profile
from spark_jobs.ingest import build_quarantine, build_tables, summarise, write_tables
from spark_jobs.intake import TARGETS, parse_tables, read_held, settle_tables
from spark_jobs.robots import Limits
from spark_jobs.settling import Settled
from spark_jobs.streams.accounts import Place, read_account, write_account
from spark_jobs.streams.base import Came, Stream

QUERY_ID = "sql.streaming.queryId"
"""Spark's name for what tells one checkpoint from another, set in the thread of each query."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a micro-batch did: rows by table, rules broken, files refused with the reason, and the tables' versions after it."""

    batch: int
    rows: Mapping[str, Mapping[str, int]]
    rules: Mapping[str, int]
    refused: Mapping[str, str]
    versions: Mapping[str, int]


def take_batch(job: JobRun, stream: Stream, batch: DataFrame, number: int, limits: Limits) -> Taken:
    """Bring the tables to what a micro-batch brought, and say what that was."""
    place = Place(stream.name, _query_id(batch.sparkSession), number)
    came = stream.read(batch)
    if not came.raw:
        return Taken(number, {}, {}, came.refused, current_versions(job.profile))
    held = read_held(batch.sparkSession, job.profile, win_ties=False)
    settled = settle_tables(parse_tables(came.raw, stream.source, job.profile), limits, held)
    try:
        write_account(batch.sparkSession, job.profile, place, {name: rows.account for name, rows in settled.items()}, run_id=job.run_id)
        tables = {**build_tables(batch.sparkSession, settled, held), "quarantine": build_quarantine(settled, stream.source)}
        versions = write_tables(batch.sparkSession, job, tables, by=f"stream {stream.name}")
        return _tell(batch, job.profile, place, came, settled, versions)
    finally:
        for rows in settled.values():
            rows.cached.unpersist()


def _query_id(spark: SparkSession) -> str:
    found = spark.sparkContext.getLocalProperty(QUERY_ID)
    if found is None:
        raise AssertionError("a micro-batch is taken in by the thread of its query")
    return found


def _tell(batch: DataFrame, profile: Profile, place: Place, came: Came, settled: Mapping[str, Settled], versions: Mapping[str, int]) -> Taken:
    account = read_account(batch.sparkSession, profile, place)
    rules: dict[str, Any] = summarise(settled)["rules"]
    return Taken(place.batch, {name: counted.as_row() for name, counted in account.items()}, rules, came.refused, versions)


def current_versions(profile: Profile) -> dict[str, int]:
    """Return the newest version of each table that a stream writes, of those that are there."""
    found = {name: lake.current_version(profile, name) for name in (*TARGETS, "quarantine")}
    return {name: version for name, version in found.items() if version is not None}
