"""Job ``ingest``: what a source brings, row by row, into items, events, bundles, declared relations, or the quarantine.

The tables are a snapshot of the source: rows that it no longer has go. Users, baskets, sessions and groups are known by a keyed
hash only. Baskets of any size are kept here; ``count_pairs`` leaves out those that are too large to mean anything.
"""

from collections.abc import Mapping
from dataclasses import field
from functools import reduce
from pathlib import Path
from typing import Any

from pydantic.dataclasses import dataclass
from pyspark.sql import DataFrame, SparkSession

from goeswith.catalogue import References, find_table
from goeswith.config import STRICT, parse_config
from goeswith.jobs import JobResult, JobRun
from goeswith.profile import Profile
from goeswith.progress import progress
from spark_jobs import parsing
from spark_jobs.picture_intake import attach_pictures, store_pictures
from spark_jobs.session import get_session
from spark_jobs.settling import Settled, kept_rows, quarantine_rows, settle_rows, settle_target
from spark_jobs.sources import build_source
from spark_jobs.sources.base import RawTables
from spark_jobs.tables import empty_table, merge_table

TARGETS = ("items", "events", "bundles", "declared_relations")


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Config:
    """Which source to read, where it lies, and options of its own."""

    source: str = "synthetic"
    data: str = ""
    options: dict[str, Any] = field(default_factory=dict)


def run(job: JobRun) -> JobResult:
    """Read the source, settle every row, and bring the five tables to what was found."""
    config = parse_config(Config, job.params, where="job ingest")
    spark = get_session(job.profile, "ingest")
    source = build_source(config.source, Path(config.data) if config.data else None, config.options, job.profile)
    settled = settle_source(source.read(spark), source.name, job.profile)
    tables = build_tables(spark, source.name, settled)
    versions = {}
    with progress("ingest", len(tables), unit="tables") as advance:
        for name, frame in tables.items():
            versions[name] = merge_table(spark, job.profile, name, frame, run_id=job.run_id, job="ingest", consumed={}, delete_missing=True)
            advance(1, name)
    for target in settled.values():
        target.rows.unpersist()
    return JobResult(versions=versions, summary=summarise(source.name, source.lacks, settled))


def settle_source(raw: RawTables, source: str, profile: Profile) -> dict[str, Settled]:
    """Parse, check and settle every row of every target that the source has; pictures go to the picture store on the way."""
    hash_key = profile.user_hash_key.get_secret_value()
    items = settle_target("items", raw.items, settle_rows(parsing.parse_items(raw.items), ("item_id",), newest_by="known_at"))
    item_ids = kept_rows(items.rows).select("item_id")
    parsed: dict[str, tuple[DataFrame, DataFrame]] = {}
    if raw.events is not None:
        parsed["events"] = raw.events, parsing.parse_events(raw.events, hash_key)
    if raw.bundles is not None:
        parsed["bundles"] = raw.bundles, parsing.parse_bundles(raw.bundles, hash_key)
    if raw.declared_relations is not None:
        parsed["declared_relations"] = raw.declared_relations, parsing.parse_declared_relations(raw.declared_relations, source)
    settled = {target: _settle_referring(target, came, typed, item_ids) for target, (came, typed) in parsed.items()}
    if raw.pictures is not None:
        stored = parsing.mark_unknown_items(store_pictures(raw.pictures, profile.pictures), ("item_id",), item_ids)
        settled["pictures"] = settle_target("pictures", raw.pictures, settle_rows(stored, ("item_id",)))
    return {"items": items, **settled}


def _settle_referring(target: str, came: DataFrame, typed: DataFrame, item_ids: DataFrame) -> Settled:
    table = find_table(target)
    references = tuple(rule.column for rule in table.rules if isinstance(rule, References))
    return settle_target(target, came, settle_rows(parsing.mark_unknown_items(typed, references, item_ids), table.key))


def build_tables(spark: SparkSession, source: str, settled: Mapping[str, Settled]) -> dict[str, DataFrame]:
    """Return each table's new content; a table that the source has nothing for is empty."""
    tables = {name: kept_rows(settled[name].rows) if name in settled else empty_table(spark, name) for name in TARGETS}
    if "pictures" in settled:
        tables["items"] = attach_pictures(tables["items"], kept_rows(settled["pictures"].rows))
    refused = [quarantine_rows(target.rows, source, name) for name, target in settled.items()]
    return {**tables, "quarantine": reduce(DataFrame.unionByName, refused)}


def summarise(source: str, lacks: tuple[str, ...], settled: Mapping[str, Settled]) -> dict[str, Any]:
    """Return what came in, what became of it, and how often each rule was broken."""
    rules: dict[str, int] = {}
    for target in settled.values():
        for rule, n in target.account.rules.items():
            rules[rule] = rules.get(rule, 0) + n
    return {"source": source, "lacks": list(lacks), "rows": {name: target.account.as_row() for name, target in settled.items()}, "rules": rules}
