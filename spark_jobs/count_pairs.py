"""Job ``count_pairs``: how often two items met, per relation, with the holdout (graph 'full') and without ('evaluation').

Undirected relations (co_purchase: one basket; co_view: one session) hold a pair once, src < dst; then_bought is directed. Edges
that a source declares stand beside them as declared. Baskets, sessions and users with more items than ``max_basket`` and
``max_history`` are left out and counted in the summary: who buys everything says nothing about what goes with what.
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
from spark_jobs import association, meetings
from spark_jobs.session import get_session
from spark_jobs.tables import merge_table, read_table

READS = ("events", "declared_relations", "holdout")
Count = Annotated[int, Field(ge=1)]


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Config:
    """Sizes are distinct items; ``within_days`` is how much later then_bought may follow."""

    min_count: Count = 1
    max_basket: Annotated[int, Field(ge=2)] = 60
    max_history: Annotated[int, Field(ge=2)] = 500
    within_days: Count = 90


def run(job: JobRun) -> JobResult:
    """Count all relations in both graphs and bring item_pairs to them."""
    config = parse_config(Config, job.params, where="job count_pairs")
    spark = get_session(job.profile, "count_pairs")
    consumed = {name: job.version_of(name) for name in READS}
    events, declared, holdout = (read_table(spark, job.profile, name, version) for name, version in consumed.items())
    with progress("count pairs", 2, unit="steps") as advance:
        units, left_out = build_units(events, holdout, config)
        pairs = build_pairs(units, declared, holdout, config)
        version = merge_table(spark, job.profile, "item_pairs", pairs, run_id=job.run_id, job="count_pairs", consumed=consumed, delete_missing=True)
        advance(1, "item_pairs")
        summary = summarise(read_table(spark, job.profile, "item_pairs", version), units, left_out)
        advance(1, "summary")
    for frame in units:
        frame.unpersist()
    return JobResult(versions={"item_pairs": version}, summary=summary)


def build_units(events: DataFrame, holdout: DataFrame, config: Config) -> tuple[tuple[DataFrame, DataFrame], DataFrame]:
    """Return (baskets and sessions, users) that are small enough, both held in Spark's cache, and those left out."""
    marked = meetings.mark_held(events, holdout, ("item_id",), "basket_id")
    baskets, large_baskets = meetings.split_by_size(meetings.group_baskets(marked), config.max_basket)
    users, large_users = meetings.split_by_size(meetings.group_users(marked), config.max_history)
    return (baskets.persist(), users.persist()), large_baskets.unionByName(large_users)


def build_pairs(units: tuple[DataFrame, DataFrame], declared: DataFrame, holdout: DataFrame, config: Config) -> DataFrame:
    """Return item_pairs rows: counted pairs and declared ones, of both graphs."""
    baskets, users = units
    met = meetings.meet_in_baskets(baskets).unionByName(meetings.meet_in_time(users, config.within_days))
    who = reduce(DataFrame.unionByName, (frame.select("relation", "items") for frame in units))
    counted = association.count_pairs(met, who, config.min_count)
    brought = association.declared_pairs(meetings.mark_held(declared, holdout, ("src", "dst")))
    return association.leave_out_edges(counted.unionByName(brought, allowMissingColumns=True), holdout)


def summarise(pairs: DataFrame, units: tuple[DataFrame, DataFrame], left_out: DataFrame) -> dict[str, Any]:
    """Return pairs by graph and relation, units counted and left out by relation. Each is a handful of rows."""
    by_graph: dict[str, dict[str, int]] = {}
    for row in pairs.groupBy("graph", "relation").count().collect():
        by_graph.setdefault(row["graph"], {})[row["relation"]] = row["count"]
    counted = {row["relation"]: row["count"] for frame in units for row in frame.groupBy("relation").count().collect()}
    large = left_out.groupBy("relation").agg(F.count(F.lit(1)).alias("n"), F.max("size").alias("largest")).collect()
    return {"pairs": by_graph, "units": counted, "left_out": {row["relation"]: {"n": row["n"], "largest": row["largest"]} for row in large}}
