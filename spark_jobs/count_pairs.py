"""Job ``count_pairs``: bring the ledger of meetings to this run's events and holdout, by what changed where that can be told.

The first run, other settings, an older version, or a change feed that is gone need a rebuild; the summary says which. Otherwise the baskets and
users that changed are counted twice, as they were (taken back) and as they are, and the difference is appended as one batch. Units of more
items than ``max_basket`` or ``max_history`` are left out, and the ledger says how many: who buys everything says nothing about what goes with what.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, replace
from functools import reduce
from typing import Annotated, Any

from pydantic import Field
from pydantic.dataclasses import dataclass
from pyspark.sql import DataFrame, SparkSession

from goeswith import lake
from goeswith.config import STRICT, parse_config
from goeswith.errors import ConfigError, DataContractError
from goeswith.jobs import JobResult, JobRun
from goeswith.progress import progress
from spark_jobs.pairs.blocks import build_blocks, merge_blocks, plan_tasks
from spark_jobs.pairs.changes import Moment, find_changes
from spark_jobs.pairs.entries import build_entries
from spark_jobs.pairs.kernel import Limits
from spark_jobs.pairs.ledger import LEDGER, State, read_state, reading_blocks, write_batch
from spark_jobs.pairs.numbers import NUMBERS, number_items
from spark_jobs.pairs.relations import CODES, DEFAULT, RELATIONS
from spark_jobs.session import get_session, shuffle_partitions
from spark_jobs.tables import create_table, read_table

Count = Annotated[int, Field(ge=1)]
NOT_SETTINGS = ("fold_after", "rebuild")
"""Parameters that change nothing that is counted."""


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Config:
    """Sizes are distinct items; then_bought follows ``within_days`` later at most, in_window lies ``window_days`` apart.

    After ``fold_after`` increments the ledger is folded into one batch; ``rebuild`` counts everything again.
    """

    relations: tuple[str, ...] = DEFAULT
    min_basket: Count = 1
    max_basket: Annotated[int, Field(ge=2)] = 60
    max_history: Annotated[int, Field(ge=2)] = 500
    within_days: Count = 90
    window_days: Count = 7
    fold_after: Count = 24
    rebuild: bool = False


def run(job: JobRun) -> JobResult:
    """Bring the ledger to this run's versions; where it stands there already nothing is written."""
    config = read_config(job.params)
    spark = get_session(job.profile, "count_pairs")
    wanted = State(batch=0, events=job.version_of("events"), holdout=job.version_of("holdout"), settings=_settings(config))
    moment = _read_moment(spark, job, wanted)
    create_table(spark, job.profile, LEDGER)
    after = lake.open_table(job.profile, LEDGER).version()
    found = read_state(job.profile, after)
    with progress("count pairs", 1, unit="batches") as advance:
        reason = "asked for" if config.rebuild else why_rebuild(job, found, wanted)
        if found is None or reason:
            count_moment(spark, job, moment, wanted, config, after)
        elif replace(found, batch=0) != wanted:
            add_batch(spark, job, found, moment, replace(wanted, batch=found.batch + 1), config, after)
        advance(1, f"rebuilt: {reason}" if reason else "by what changed")
    versions = {name: lake.open_table(job.profile, name).version() for name in (LEDGER, NUMBERS)}
    return JobResult(versions=versions, summary={"rebuilt": reason, "from": found and _consumed(found), "to": _consumed(wanted)})


def read_config(params: Any) -> Config:
    """Return the job's settings. Raises ``ConfigError`` that lists the relations there are."""
    config = parse_config(Config, params, where="job count_pairs")
    unknown = [name for name in config.relations if name not in CODES]
    if unknown or not config.relations:
        raise ConfigError(f"job count_pairs: no relation is called {next(iter(unknown), '')!r}", f"relations: {', '.join(CODES)}")
    return config


def _settings(config: Config) -> str:
    return json.dumps({name: value for name, value in asdict(config).items() if name not in NOT_SETTINGS}, sort_keys=True)


def _consumed(state: State) -> dict[str, int]:
    return {"events": state.events, "holdout": state.holdout}


def why_rebuild(job: JobRun, found: State | None, wanted: State) -> str:
    """Return why the ledger cannot go on from where it stands; '' where it can."""
    if found is None:
        return "nothing was counted before"
    if found.settings != wanted.settings:
        return "the settings changed"
    for table, version in _consumed(wanted).items():
        counted = _consumed(found)[table]
        if version < counted:
            return f"version {version} of {table} is older than what was counted"
        oldest = min(commit["version"] for commit in lake.open_table(job.profile, table, version).history())
        if version > counted and oldest > counted + 1:
            return f"the changes of {table} before version {oldest} are gone"
    return ""


def count_moment(spark: SparkSession, job: JobRun, moment: Moment, state: State, config: Config, after: int) -> None:
    """Let the ledger, which stands at version ``after``, hold the counts of these events and no others."""
    numbers = number_items(spark, job.profile, moment.events, run_id=job.run_id)
    marked = moment.marked(numbers)
    tasks = plan_tasks(moment.events.count(), shuffle_partitions(spark))
    blocks = build_blocks(build_entries(marked, config.relations), limits_of(config), tasks)
    _write(spark, job, blocks, state, after)


def add_batch(spark: SparkSession, job: JobRun, found: State, new: Moment, state: State, config: Config, after: int) -> None:
    """Append what the changes since ``found`` add and take back, if anything; fold the ledger where it has grown too many batches."""
    old = _read_moment(spark, job, found)
    changes = find_changes(spark, job.profile, (found.events, state.events), (found.holdout, state.holdout), old, new)
    numbers = number_items(spark, job.profile, _union(moment.events for moment in changes.new.values()), run_id=job.run_id)
    parts = [
        build_entries(changes.keep_users(moment.marked(numbers), scope), config.relations, [scope], old=is_old)
        for is_old, side in ((True, changes.old), (False, changes.new))
        for scope, moment in side.items()
    ]
    blocks = build_blocks(_union(parts), limits_of(config), plan_tasks(0, shuffle_partitions(spark))).persist()
    if not blocks.isEmpty():
        _write(spark, job, blocks, state, after)
    blocks.unpersist()
    changes.release()
    if state.batch >= config.fold_after:
        fold(spark, job, state)


def fold(spark: SparkSession, job: JobRun, state: State) -> None:
    """Add up all batches to one."""
    after = lake.open_table(job.profile, LEDGER).version()
    ledger = read_table(spark, job.profile, LEDGER, after)
    with reading_blocks(spark):
        _write(spark, job, merge_blocks(ledger, shuffle_partitions(spark)), replace(state, batch=0), after)


def _write(spark: SparkSession, job: JobRun, blocks: DataFrame, state: State, after: int) -> None:
    """Commit a batch. Raises ``DataContractError`` where another process was first: what it counted would be counted twice."""
    version = write_batch(spark, job.profile, blocks, state, after=after, run_id=job.run_id)
    stands = read_state(job.profile, version)
    if stands not in (state, None):
        raise DataContractError("another process counted pairs at the same time", "run the job again: it goes on from there")


def _read_moment(spark: SparkSession, job: JobRun, state: State) -> Moment:
    events, holdout = (read_table(spark, job.profile, name, version) for name, version in _consumed(state).items())
    return Moment(events, holdout)


def limits_of(config: Config) -> dict[str, Limits]:
    """Return the limits of each relation's units."""
    baskets = Limits(config.min_basket, config.max_basket)
    days = {"then_bought": config.within_days, "in_window": config.window_days}
    histories = {name: Limits(1, config.max_history, within) for name, within in days.items()}
    return {**{relation.name: baskets for relation in RELATIONS.values()}, **histories}


def _union(frames: Iterable[DataFrame]) -> DataFrame:
    return reduce(DataFrame.unionByName, frames)
