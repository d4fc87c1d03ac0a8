"""Job ``measure_pairs``: publish the ledger as ``item_pairs``, with what follows from the counts, and the edges that the source declares.

The graph 'evaluation' is without what is reserved, 'full' is everything. Measures depend on the number of all units, so all rows are written anew;
where nothing that they depend on has changed, nothing is written.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from goeswith import lake
from goeswith.catalogue.graph import GRAPHS
from goeswith.config import STRICT, parse_config
from goeswith.jobs import JobResult, JobRun
from goeswith.profile import Profile
from goeswith.progress import progress
from spark_jobs.held import mark_held
from spark_jobs.pairs.blocks import plan_tasks
from spark_jobs.pairs.declared import declared_pairs
from spark_jobs.pairs.fold import EVALUATION, FULL, Folding, account, fold_items, fold_pairs
from spark_jobs.pairs.keys import month_at
from spark_jobs.pairs.ledger import LEDGER
from spark_jobs.pairs.publish import publish_pairs
from spark_jobs.session import get_session, shuffle_partitions
from spark_jobs.tables import read_table, write_table

DAYS_A_MONTH = 365.25 / 12
KEY_BYTES = 8
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
READS = ("pair_ledger", "item_numbers", "events", "holdout", "declared_relations")


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Config:
    """Pairs of fewer meetings than ``min_count`` are left out; a meeting counts half every ``half_life_days`` before the newest event."""

    min_count: Annotated[int, Field(ge=1)] = 1
    half_life_days: Annotated[float, Field(gt=0)] = 365.0


def run(job: JobRun) -> JobResult:
    """Bring item_pairs to the ledger."""
    config = parse_config(Config, job.params, where="job measure_pairs")
    spark = get_session(job.profile, "measure_pairs")
    consumed = {name: job.version_of(name) for name in READS}
    with progress("measure pairs", 1, unit="tables") as advance:
        version = written_before(job.profile, consumed, config)
        if version is None:
            version = write_pairs(spark, job, consumed, config)
        advance(1, "item_pairs")
    return JobResult(versions={"item_pairs": version}, summary=summarise(spark, job, version))


def written_before(profile: Profile, consumed: Mapping[str, int], config: Config) -> int | None:
    """Return the version of item_pairs if its last commit was made from the same versions with the same settings."""
    if lake.current_version(profile, "item_pairs") is None:
        return None
    table = lake.open_table(profile, "item_pairs")
    last = json.loads(table.history(1)[0].get("userMetadata") or "{}")
    return table.version() if last.get("consumed") == _metadata(consumed, config) else None


def _metadata(consumed: Mapping[str, int], config: Config) -> dict[str, int]:
    return {**consumed, **asdict(config)}


def write_pairs(spark: SparkSession, job: JobRun, consumed: Mapping[str, int], config: Config) -> int:
    """Fold, measure and write all pairs."""
    ledger, numbers, events, holdout, declared = (read_table(spark, job.profile, name, consumed[name]) for name in READS)
    newest = find_newest(events, holdout)
    folding = Folding(min_count=config.min_count, half_life=config.half_life_days / DAYS_A_MONTH, now=_months(newest))
    tasks = plan_tasks(_size(ledger), shuffle_partitions(spark)).counts
    own = fold_items(ledger, GRAPHS, tasks).persist()
    counted = publish_pairs(fold_pairs(ledger, folding, tasks), own, numbers, newest)
    pairs = counted.unionByName(declared_pairs(declared, holdout), allowMissingColumns=True)
    told = _metadata(consumed, config)
    version = write_table(spark, job.profile, "item_pairs", pairs, mode="overwrite", run_id=job.run_id, job="measure_pairs", consumed=told)
    own.unpersist()
    return version


def find_newest(events: DataFrame, holdout: DataFrame) -> dict[str, datetime | None]:
    """Return when the newest event of each graph happened; None where there are no times."""
    marked = mark_held(events, holdout, (), "basket_id")
    open_at = F.when(~F.col("held"), F.col("happened_at"))
    seconds = [F.max(F.unix_micros(at)).alias(graph) for graph, at in ((FULL, F.col("happened_at")), (EVALUATION, open_at))]
    found = marked.agg(*seconds).collect()[0]
    return {graph: None if found[graph] is None else EPOCH + timedelta(microseconds=found[graph]) for graph in GRAPHS}


def _months(newest: Mapping[str, datetime | None]) -> dict[str, int]:
    return {graph: 0 if at is None else int(month_at(np.array([int(at.timestamp())]))[0]) for graph, at in newest.items()}


def _size(ledger: DataFrame) -> int:
    """Return how many keys the ledger holds."""
    found = ledger.agg(F.sum(F.length("keys"))).collect()[0][0]
    return (found or 0) // KEY_BYTES


def summarise(spark: SparkSession, job: JobRun, version: int) -> dict[str, Any]:
    """Return pairs by graph and relation, units counted and units left out: a handful of rows each."""
    pairs: dict[str, dict[str, int]] = {}
    for row in read_table(spark, job.profile, "item_pairs", version).groupBy("graph", "relation").count().collect():
        pairs.setdefault(row["graph"], {})[row["relation"]] = row["count"]
    return {"pairs": pairs, **account(read_table(spark, job.profile, LEDGER, job.version_of(LEDGER)))}
