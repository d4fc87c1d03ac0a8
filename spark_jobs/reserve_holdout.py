"""Job ``reserve_holdout``: what evaluation tests on, chosen before anything is counted. Deterministic: ids are hashed with the seed.

What is completed in the bundle task is reserved as a unit: curated bundles where the source has them, else purchase baskets.

- Bundles are split by group (session or author), so no split cuts through one. With a bundle go the baskets that it was drawn from:
  the basket of its group, and any that holds all its items (models, section 3: left in, counting alone reaches Recall .99).
- Baskets are split by day where the source has times: the last ``test_share`` of the baskets of two or more items are test, those
  before them validation. Everything else of those days goes with them, single purchases and views too: nothing later than the cut
  stays. Without times the hash decides.
- What was cancelled or returned makes no basket (``spark_jobs.standing``).
- Declared edges: of each item with ``edge_min_degree`` or more edges of a relation one edge, a node used once (models, section 3).
- Cold items: ``cold_share`` of the items with declared edges lose all their edges.
"""

from functools import reduce
from typing import Annotated, Any

from pydantic import Field
from pydantic.dataclasses import dataclass
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from goeswith.config import STRICT, parse_config
from goeswith.jobs import JobResult, JobRun
from goeswith.progress import progress
from spark_jobs.holdout_baskets import reserve_baskets, reserve_bundles, reserve_sources_of
from spark_jobs.holdout_edges import reserve_cold_items, reserve_edges
from spark_jobs.holdout_split import Split
from spark_jobs.session import get_session
from spark_jobs.standing import standing_events
from spark_jobs.tables import merge_table, read_table

READS = ("events", "bundles", "declared_relations")
Share = Annotated[float, Field(ge=0, le=0.5)]


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Config:
    """Shares of bundles, baskets and items with edges; validation and test never overlap.

    The last ``later_share`` of dated baskets are reserved as 'later', for nothing: so the same source is tested as of an earlier day.
    """

    test_share: Share = 0.2
    validation_share: Share = 0.1
    later_share: Share = 0.0
    cold_share: Share = 0.05
    edge_min_degree: Annotated[int, Field(ge=2)] = 5
    seed: int = 42


def run(job: JobRun) -> JobResult:
    """Choose, and bring the table holdout to the choice."""
    config = parse_config(Config, job.params, where="job reserve_holdout")
    spark = get_session(job.profile, "reserve_holdout")
    consumed = {name: job.version_of(name) for name in READS}
    events, bundles, declared = (read_table(spark, job.profile, name, version) for name, version in consumed.items())
    with progress("reserve holdout", 1, unit="tables") as advance:
        reserved = build_holdout(events, bundles, declared, config)
        version = merge_table(
            spark, job.profile, "holdout", reserved, run_id=job.run_id, job="reserve_holdout", consumed=consumed, delete_missing=True
        )
        advance(1, "holdout")
    return JobResult(versions={"holdout": version}, summary=summarise(read_table(spark, job.profile, "holdout", version)))


def build_holdout(events: DataFrame, bundles: DataFrame, declared: DataFrame, config: Config) -> DataFrame:
    """Return the holdout's rows. What two rules reserve is test if either says so."""
    split = Split(config.test_share, config.validation_share, config.seed, config.later_share)
    standing = standing_events(events)
    if bundles.isEmpty():
        parts = [reserve_baskets(events, standing, split)]
    else:
        held = reserve_bundles(bundles, split)
        parts = [held.drop("group_id"), reserve_sources_of(bundles, held, standing)]
    if not declared.isEmpty():
        cold = reserve_cold_items(declared, split, config.cold_share).persist()
        parts += [cold, reserve_edges(declared, cold, split, config.edge_min_degree)]
    first = F.min(F.struct("split", "reason")).alias("first")
    every = reduce(DataFrame.unionByName, parts).groupBy("kind", "id").agg(first)
    return every.select("kind", "id", "first.split", "first.reason")


def summarise(holdout: DataFrame) -> dict[str, Any]:
    """Return how many of each kind, split and reason are reserved: a handful of rows."""
    counted = holdout.groupBy("kind", "split", "reason").count().collect()
    return {"reserved": {f"{row['kind']} {row['split']} ({row['reason']})": row["count"] for row in sorted(counted)}}
