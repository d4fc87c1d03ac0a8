"""Frequent item sets by Spark's own FP-growth, bounded, closed, and measured against independence.

Baskets have unit and items (array of distinct ids), pairs have src, dst and n, sets have items (sorted ids) and n, the baskets that hold all
of them. Han et al., "Mining frequent patterns without candidate generation" (2000); in parallel as in Li et al., "PFP: parallel
FP-growth for query recommendation" (2008).
"""

from dataclasses import dataclass

from pyspark.ml.fpm import FPGrowth
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

MIN_SIZE = 3
"""Sets of two are pairs: item_pairs has them, with more said about each."""


@dataclass(frozen=True, slots=True)
class Mined:
    """Frequent sets, held in Spark's cache, and the count that each of them reaches."""

    sets: DataFrame
    min_count: int


def bound_count(pairs: DataFrame, min_count: int, max_pairs: int) -> int:
    """Return the smallest count, from ``min_count`` on, that at most ``max_pairs`` pairs reach.

    A set is frequent only if each of its pairs is, so this bounds what there is to mine before anything is mined.
    """
    top = pairs.where(F.col("n") >= min_count).select("n").orderBy(F.desc("n")).limit(max_pairs + 1)
    seen = top.agg(F.count(F.lit(1)).alias("pairs"), F.min("n").alias("rarest")).first()
    return min_count if seen is None or seen["pairs"] <= max_pairs else int(seen["rarest"]) + 1


def trim_baskets(baskets: DataFrame, pairs: DataFrame) -> DataFrame:
    """Leave out of each basket what can be in no frequent set: an item of one has two frequent partners at least.

    ``pairs`` are the frequent ones. Trees of what is left are several times smaller (as DHP trims transactions: Park et al., 1995).
    """
    ends = pairs.select(F.explode(F.array("src", "dst")).alias("item"))
    partnered = ends.groupBy("item").agg(F.count(F.lit(1)).alias("partners")).where(F.col("partners") >= MIN_SIZE - 1).select("item")
    entries = baskets.select("unit", F.explode("items").alias("item")).join(F.broadcast(partnered), on="item", how="left_semi")
    return entries.groupBy("unit").agg(F.collect_list("item").alias("items")).where(F.size("items") >= MIN_SIZE)


def mine_bounded(baskets: DataFrame, min_count: int, max_sets: int) -> Mined:
    """Return all sets that ``min_count`` baskets hold; where they are more than ``max_sets``, double ``min_count`` until they are not.

    A basket of b items bought ``min_count`` times has 2^b frequent subsets, so no bound on baskets or pairs is enough. FP-growth
    gives its sets one by one, and a try ends after the first ``max_sets + 1`` of each partition: it costs little however many there are.
    """
    total = baskets.count()
    while True:
        sets = mine_sets(baskets, total, min_count).limit(max_sets + 1).persist()
        if sets.count() <= max_sets:
            return Mined(sets, min_count)
        sets.unpersist()
        min_count *= 2


def mine_sets(baskets: DataFrame, total: int, min_count: int) -> DataFrame:
    """Return the sets of three and more items that at least ``min_count`` of ``total`` baskets hold, mined as they are read.

    FP-growth keeps the items that reach ``min_count``, and their counts, on the driver; of trimmed baskets they are no more than pairs.
    """
    if total < min_count:
        return baskets.select("items", F.lit(0).cast("bigint").alias("n")).limit(0)
    share = (min_count - 0.5) / total  # FP-growth rounds share * total up: half a basket less leaves no room for rounding errors
    partitions = int(baskets.sparkSession.conf.get("spark.sql.shuffle.partitions") or 1)
    found = FPGrowth(itemsCol="items", minSupport=share, numPartitions=partitions).fit(baskets).freqItemsets
    return found.where(F.size("items") >= MIN_SIZE).select(F.array_sort("items").alias("items"), F.col("freq").alias("n"))


def keep_closed(sets: DataFrame) -> DataFrame:
    """Leave out each set that a larger one says all about: with one item more and in just as many baskets.

    A set that has any superset of equal count has one of a single item more, so looking one item up is enough.
    """
    parts = F.transform("items", lambda item: F.array_remove("items", item))
    said = sets.where(F.size("items") > MIN_SIZE).select(F.explode(parts).alias("items"), "n").distinct()
    return sets.join(said, on=["items", "n"], how="left_anti")


def add_lift(sets: DataFrame, item_counts: DataFrame, n_total: Column) -> DataFrame:
    """Add lift = n / n_total over the product of the items' shares; ``item_counts`` has item and n_item.

    The product goes by item id, so that it does not depend on the order in which rows arrive.
    """
    entry = F.struct("item", "n_item")
    each = sets.withColumn("item", F.explode("items")).join(item_counts, on="item", how="inner")
    counted = each.groupBy(*sets.columns).agg(F.array_sort(F.collect_list(entry)).alias("counts"))
    lift = F.aggregate("counts", F.col("n") / n_total, lambda product, each: product * (n_total / each["n_item"]))
    return counted.select(*sets.columns, lift.alias("lift"))
