"""Declared edges that evaluation tests on: one an item, and all edges of the cold items (models, section 3)."""

from functools import reduce

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from spark_jobs.holdout_split import Split, reserved

ROUNDS = 4
"""Rounds of matching: each gives half of the items that still could have a tested edge one, so four reach most of them."""


def reserve_cold_items(declared: DataFrame, split: Split, cold_share: float) -> DataFrame:
    """Return the share of the items with declared edges that lose them all."""
    items = declared.select(F.explode(F.array("src", "dst")).alias("item")).distinct()
    drawn = items.where(split.uniform("cold", "item") < cold_share)
    return drawn.select(*reserved("item", F.col("item"), split.of_chosen("cold split", "item"), "cold"))


def reserve_edges(declared: DataFrame, cold: DataFrame, split: Split, min_degree: int) -> DataFrame:
    """Return tested edges 'relation|src|dst'; src is the item of at least ``min_degree`` edges that the edge is tested for.

    Per relation, both directions counted as one edge, no item in two tested edges, and none of them cold.
    """
    left, right = F.least("src", "dst"), F.greatest("src", "dst")
    edges = declared.select(F.col("kind").alias("relation"), left.alias("a"), right.alias("b")).distinct()
    degrees = _ends(edges).groupBy("relation", "node").agg(F.count(F.lit(1)).alias("degree"))
    rich = degrees.where(F.col("degree") >= min_degree).select("relation", "node", F.lit(True).alias("rich"))
    for end in ("a", "b"):
        cold_end = cold.select(F.col("id").alias(end))
        rich_end = rich.select("relation", F.col("node").alias(end), F.col("rich").alias(f"rich_{end}"))
        edges = edges.join(cold_end, on=end, how="left_anti").join(rich_end, on=["relation", end], how="left")
    candidates = edges.where("rich_a or rich_b").withColumn("order", F.xxhash64(F.lit(split.seed), "relation", "a", "b"))
    chosen = match_edges(candidates.select("relation", "a", "b", "order", "rich_a"))
    src, dst = F.when(F.col("rich_a"), F.col("a")).otherwise(F.col("b")), F.when(F.col("rich_a"), F.col("b")).otherwise(F.col("a"))
    name = F.concat_ws("|", "relation", src, dst)
    return chosen.select(*reserved("edge", name, split.of_chosen("edge", "relation", "a", "b"), "one edge an item"))


def match_edges(candidates: DataFrame) -> DataFrame:
    """Return edges of which no two share an item: round by round those that come first, by ``order``, at both of their ends.

    That is one of Luby's parallel matchings, cut off after ``ROUNDS``; nothing is collected, and the order alone decides. Each
    round ends in a checkpoint: the plan of all rounds together would grow exponentially.
    """
    open_edges, rounds = candidates.localCheckpoint(), []
    for _ in range(ROUNDS):
        first = F.min("order").over(Window.partitionBy("relation", "node")) == F.col("order")
        both = _ends(open_edges).withColumn("first", first).groupBy(*candidates.columns).agg(F.bool_and("first").alias("first"))
        taken = both.where("first").drop("first").localCheckpoint()
        rounds.append(taken)
        used = _ends(taken).select("relation", "node")
        for end in ("a", "b"):
            open_edges = open_edges.join(used.select("relation", F.col("node").alias(end)), on=["relation", end], how="left_anti")
        open_edges = open_edges.select(*candidates.columns).localCheckpoint()
    return reduce(DataFrame.unionByName, rounds)


def _ends(edges: DataFrame) -> DataFrame:
    return edges.select("*", F.explode(F.array("a", "b")).alias("node"))
