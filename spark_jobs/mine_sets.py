"""Job ``mine_sets``: sets of three and more items that baskets hold together, with the holdout (graph 'full') and without ('evaluation').

They are candidates for bundles: who reads ``item_sets`` may offer those of a high lift for curation, train on them beside curated
bundles (graph 'evaluation' for what is measured), or say "bought as a set 12 times" of a completed one. Only closed sets stand
there: a part that was never bought without the rest says nothing of its own.

Baskets of more than ``max_basket`` items and sets of more than ``max_items`` are left out. Where more than ``max_pairs`` pairs or ``max_sets``
sets reach ``min_count``, it is raised. The summary says what that came to. Frequent pairs are those of ``item_pairs``: a pair that
``count_pairs`` was told to leave out is in no set.
"""

from functools import reduce
from typing import Annotated, Any

from pydantic import Field
from pydantic.dataclasses import dataclass
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from goeswith.catalogue.graph import GRAPHS
from goeswith.config import STRICT, parse_config
from goeswith.jobs import JobResult, JobRun
from goeswith.progress import progress
from spark_jobs.baskets import group_baskets, split_by_size
from spark_jobs.frequent_sets import MIN_SIZE, add_lift, bound_count, keep_closed, mine_bounded, trim_baskets
from spark_jobs.pairs.fold import EVALUATION
from spark_jobs.pairs.relations import CO_PURCHASE
from spark_jobs.session import get_session
from spark_jobs.tables import merge_table, read_table

READS = ("events", "holdout", "item_pairs")
Size = Annotated[int, Field(ge=MIN_SIZE)]


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Config:
    """``min_count`` is in baskets, sizes in distinct items; ``max_pairs`` and ``max_sets`` bound what one graph has to mine."""

    min_count: Annotated[int, Field(ge=2)] = 3
    max_items: Annotated[int, Field(ge=MIN_SIZE, le=20)] = 10
    max_basket: Size = 60
    max_pairs: Annotated[int, Field(ge=1)] = 10_000
    max_sets: Annotated[int, Field(ge=1)] = 200_000


def run(job: JobRun) -> JobResult:
    """Mine both graphs and bring item_sets to what was found."""
    config = parse_config(Config, job.params, where="job mine_sets")
    spark = get_session(job.profile, "mine_sets")
    consumed = {name: job.version_of(name) for name in READS}
    events, holdout, pairs = (read_table(spark, job.profile, name, version) for name, version in consumed.items())
    baskets, large = build_baskets(events, holdout, config.max_basket)
    baskets.persist()
    summary: dict[str, Any] = {"left_out": summarise_large(large)}
    with progress("mine sets", len(GRAPHS) + 1, unit="steps") as advance:
        found = {}
        for graph in GRAPHS:
            found[graph], summary[graph] = mine_graph(open_baskets(baskets, graph), co_purchases(pairs, graph), config)
            advance(1, graph)
        described = [describe_sets(sets, open_baskets(baskets, graph)).withColumn("graph", F.lit(graph)) for graph, sets in found.items()]
        rows = reduce(DataFrame.unionByName, described)
        version = merge_table(spark, job.profile, "item_sets", rows, run_id=job.run_id, job="mine_sets", consumed=consumed, delete_missing=True)
        advance(1, "item_sets")
    for frame in (baskets, *found.values()):
        frame.unpersist()
    return JobResult(versions={"item_sets": version}, summary=summary)


def build_baskets(events: DataFrame, holdout: DataFrame, max_basket: int) -> tuple[DataFrame, DataFrame]:
    """Return purchase baskets (unit, items with ``held``, at) of at most ``max_basket`` items, and the larger ones."""
    return split_by_size(group_baskets(events, holdout), max_basket)


def open_baskets(baskets: DataFrame, graph: str) -> DataFrame:
    """Return unit, items (ids) and at of the baskets that a graph counts: the evaluation graph sees nothing that is held."""
    seen = F.filter("items", lambda entry: ~entry["held"]) if graph == EVALUATION else F.col("items")
    return baskets.select("unit", F.transform(seen, lambda entry: entry["item"]).alias("items"), "at").where(F.size("items") > 0)


def co_purchases(pairs: DataFrame, graph: str) -> DataFrame:
    """Return src, dst and n of a graph's co_purchase pairs."""
    return pairs.where((F.col("graph") == graph) & (F.col("relation") == CO_PURCHASE)).select("src", "dst", "n")


def mine_graph(baskets: DataFrame, pairs: DataFrame, config: Config) -> tuple[DataFrame, dict[str, int]]:
    """Return the closed sets of one graph, held in Spark's cache, and what the summary says of them."""
    start = bound_count(pairs, config.min_count, config.max_pairs)
    trimmed = trim_baskets(baskets, pairs.where(F.col("n") >= start)).persist()
    mined = mine_bounded(trimmed, start, config.max_sets)
    small = mined.sets.where(F.size("items") <= config.max_items)
    closed = keep_closed(small).persist()
    frequent = mined.sets.count()
    counts = {"frequent": frequent, "larger": frequent - small.count(), "sets": closed.count(), "min_count": mined.min_count}
    for frame in (trimmed, mined.sets):
        frame.unpersist()
    return closed, counts


def describe_sets(sets: DataFrame, baskets: DataFrame) -> DataFrame:
    """Add set_id, size, n_total, lift and known_at, which need all baskets: items bought alone count too."""
    item_counts = baskets.select(F.explode("items").alias("item")).groupBy("item").agg(F.count(F.lit(1)).alias("n_item"))
    known_at = F.coalesce(F.max("at"), F.timestamp_seconds(F.lit(0)))
    all_baskets = baskets.agg(F.count(F.lit(1)).alias("n_total"), known_at.alias("known_at"))
    counted = add_lift(sets.crossJoin(F.broadcast(all_baskets)), item_counts, F.col("n_total"))
    return counted.select(F.sha2(F.to_json("items"), 256).alias("set_id"), "*", F.size("items").alias("size"))


def summarise_large(large: DataFrame) -> dict[str, int]:
    """Return how many baskets were too large, and how large."""
    row = large.agg(F.count(F.lit(1)).alias("baskets"), F.coalesce(F.max("size"), F.lit(0)).alias("largest")).first()
    return dict(row.asDict()) if row is not None else {}
