"""Job ``ingest``: what a source brings, row by row, into items, events, bundles, declared relations, or the quarantine.

- ``snapshot``: the tables become what the source holds; rows that it no longer has go.
- ``increment``: the source brings new, late and corrected rows. The newest state of a row stands, whichever came last; nothing goes.
- ``replay``: no source is read, but rows of the quarantine: as they stand, or as ``file`` repairs them.

Users, baskets, sessions and groups are known by a keyed hash only. Every mode may be run again after a crash between any two of
its commits: the quarantine comes last, so a row is there until it stands in its table.
"""

from collections.abc import Collection, Mapping
from dataclasses import field
from functools import reduce
from pathlib import Path
from typing import Any, Literal

from pydantic.dataclasses import dataclass
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from goeswith import lake
from goeswith.config import STRICT, parse_config
from goeswith.errors import ConfigError
from goeswith.jobs import JobResult, JobRun
from goeswith.profile import Profile
from goeswith.progress import progress
from spark_jobs.intake import NOTHING, PICTURES, TARGETS, Held, parse_source, read_held, settle_tables
from spark_jobs.item_rows import FILLED_IN, change_items, complete_items
from spark_jobs.replay import choose_refused, parse_refused, remaining_quarantine
from spark_jobs.robots import Limits
from spark_jobs.session import get_session
from spark_jobs.settling import Settled, kept_rows, quarantine_rows
from spark_jobs.sources import RawTables, build_source
from spark_jobs.sources.mapping import read_mapping
from spark_jobs.sources.seen import refuse_lost_values, seen_path, write_seen
from spark_jobs.tables import create_table, empty_table, merge_table, read_table


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Config:
    """Which source to read, where it lies, options of its own, and whether it is all or an addition.

    ``robots``: the most that passes for a person. ``rule`` and ``file`` say which rows ``replay`` takes: of one rule, and those that a
    file of repaired rows names; ``mapping``, a mapping file of the source ``files``, how to read them if not as before.
    """

    source: str = "synthetic"
    data: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    mode: Literal["snapshot", "increment", "replay"] = "snapshot"
    robots: Limits = field(default_factory=Limits)
    rule: str = ""
    file: str = ""
    mapping: str = ""


def run(job: JobRun) -> JobResult:
    """Settle every row and bring the five tables to what was found."""
    config = parse_config(Config, job.params, where="job ingest")
    if config.mode != "replay" and (config.rule or config.file or config.mapping):
        raise ConfigError("rule, file and mapping choose rows of the quarantine", "leave them out, or say mode: replay")
    spark = get_session(job.profile, "ingest")
    return _replay(spark, job, config) if config.mode == "replay" else _take_in(spark, job, config)


def _take_in(spark: SparkSession, job: JobRun, config: Config) -> JobResult:
    """Read a source, all of it or an addition."""
    source = build_source(config.source, Path(config.data) if config.data else None, config.options, job.profile)
    whole = config.mode == "snapshot"
    held = NOTHING if whole else read_held(spark, job.profile, win_ties=False)
    raw = source.read(spark)
    settled = settle_tables(parse_source(raw, source.name, job.profile), config.robots, held)
    _refuse_lost_values(job.profile, source.name, raw, settled)
    tables = {**build_tables(spark, settled, held), "quarantine": build_quarantine(settled, source.name)}
    versions = write_tables(spark, job, tables, whole=tables if whole else ())
    for name, columns in raw.columns.items():
        account = settled[name].account
        write_seen(seen_path(job.profile, source.name, name), columns, {rule: n / account.rows_in for rule, n in account.unreadable.items()})
    return _finish(spark, job, versions, settled, {"source": source.name, "lacks": list(source.lacks)})


def _replay(spark: SparkSession, job: JobRun, config: Config) -> JobResult:
    """Let rows of the quarantine try again. Raises ``ConfigError`` where there is no quarantine yet."""
    at = lake.current_version(job.profile, "quarantine")
    if at is None:
        raise ConfigError("there is no quarantine to replay", "ingest a source first: goeswith run ingest")
    quarantine = read_table(spark, job.profile, "quarantine", at)
    chosen = choose_refused(spark, quarantine, rule=config.rule, file=config.file)
    held = read_held(spark, job.profile, win_ties=True)
    settled = settle_tables(parse_refused(chosen, job.profile, read_mapping(Path(config.mapping)) if config.mapping else None), config.robots, held)
    tables = {**build_tables(spark, settled, held), "quarantine": remaining_quarantine(quarantine, settled)}
    versions = write_tables(spark, job, tables, whole=("quarantine",))
    return _finish(spark, job, versions, settled, {"source": "quarantine", "lacks": []})


def _refuse_lost_values(profile: Profile, source: str, raw: RawTables, settled: Mapping[str, Settled]) -> None:
    for name, columns in raw.columns.items():
        account = settled[name].account
        refuse_lost_values(seen_path(profile, source, name), name, account.rows_in, columns, account.unreadable)


def build_tables(spark: SparkSession, settled: Mapping[str, Settled], held: Held = NOTHING) -> dict[str, DataFrame]:
    """Return the rows to write of each table: all of it in a snapshot, empty where nothing came; else what is new or changed."""
    kept = {name: kept_rows(target.rows) for name, target in settled.items()}
    if "items" not in held.tables:
        whole = {name: kept.get(name, empty_table(spark, name)) for name in TARGETS}
        return {**whole, "items": complete_items(whole["items"], kept.get(PICTURES))}
    changed = {name: rows for name, rows in kept.items() if settled[name].account.kept}
    pictures = changed.pop(PICTURES, None)
    if "items" in changed or pictures is not None:
        items = changed.get("items", empty_table(spark, "items").drop(*FILLED_IN))
        changed["items"] = change_items(items, pictures, held.tables["items"])
    return changed


def build_quarantine(settled: Mapping[str, Settled], source: str) -> DataFrame:
    """Return the refused rows of all targets."""
    return reduce(DataFrame.unionByName, (quarantine_rows(target.rows, source, name) for name, target in settled.items()))


def write_tables(
    spark: SparkSession, job: JobRun, tables: Mapping[str, DataFrame], *, whole: Collection[str] = (), by: str = "ingest"
) -> dict[str, int]:
    """Merge each table that is to change, the quarantine last; of those in ``whole`` rows that are not named go. Commits name ``by``."""
    versions = {}
    with progress("ingest", len(TARGETS) + 1, unit="tables") as advance:
        for name in (*TARGETS, "quarantine"):
            if name in tables:
                rows = tables[name]
                versions[name] = merge_table(spark, job.profile, name, rows, run_id=job.run_id, job=by, consumed={}, delete_missing=name in whole)
            else:
                create_table(spark, job.profile, name)
                versions[name] = lake.open_table(job.profile, name).version()
            advance(1, name)
    return versions


def _finish(spark: SparkSession, job: JobRun, versions: Mapping[str, int], settled: Mapping[str, Settled], said: Mapping[str, Any]) -> JobResult:
    for target in settled.values():
        target.cached.unpersist()
    items = read_table(spark, job.profile, "items", versions["items"])
    return JobResult(versions=versions, summary={**said, **summarise(settled), "same_titles": count_same_titles(items)})


def count_same_titles(items: DataFrame) -> dict[str, int]:
    """Return how many items share a title with others, nearly, and how many groups they form."""
    found = items.agg(F.count("same_title_as").alias("items"), F.count_distinct("same_title_as").alias("groups")).first()
    return {} if found is None else found.asDict()


def summarise(settled: Mapping[str, Settled]) -> dict[str, Any]:
    """Return what came in, what became of it, and how often each rule was broken."""
    rules: dict[str, int] = {}
    for target in settled.values():
        for rule, n in target.account.rules.items():
            rules[rule] = rules.get(rule, 0) + n
    return {"rows": {name: target.account.as_row() for name, target in settled.items()}, "rules": rules}
