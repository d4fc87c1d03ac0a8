"""Item numbers: a small integer for each item that was ever met, for life, so that two of them fit into one 64-bit key."""

from collections.abc import Mapping

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from goeswith import lake
from goeswith.errors import DataContractError
from goeswith.profile import Profile
from spark_jobs.pairs.keys import ITEM_BITS, MAX_ITEMS
from spark_jobs.tables import create_table, read_table, write_table

NUMBERS = "item_numbers"
SCATTER = 0x5851F42D
"""Odd, so that it maps the numbers of 27 bits one to one; it spreads items over the buckets."""
_IN_PARTITION = 2**33 - 1
"""The bits of Spark's increasing id that count within a partition."""


def number_items(spark: SparkSession, profile: Profile, items: DataFrame, *, run_id: str) -> DataFrame:
    """Give a number to each item id of ``items`` that has none; return item_id and number of all that have one.

    Raises ``DataContractError`` where there are more items than numbers.
    """
    create_table(spark, profile, NUMBERS)
    ids = items.select("item_id").distinct().persist()
    while _number_fresh(spark, profile, ids, run_id=run_id):
        pass  # another process may have been first with some of them
    ids.unpersist()
    return read_table(spark, profile, NUMBERS, lake.open_table(profile, NUMBERS).version())


def _number_fresh(spark: SparkSession, profile: Profile, ids: DataFrame, *, run_id: str) -> bool:
    """Number the ids that have no number, in their order, unless somebody wrote numbers meanwhile; return whether there were any."""
    after = lake.open_table(profile, NUMBERS).version()
    known = read_table(spark, profile, NUMBERS, after)
    fresh = ids.join(known, on="item_id", how="left_anti").orderBy("item_id").persist()
    sizes = {row["part"]: row["count"] for row in fresh.groupBy(F.spark_partition_id().alias("part")).count().collect()}  # one row a partition
    if sizes:
        numbered = _number(fresh, sizes, known.count())
        write_table(spark, profile, NUMBERS, numbered, mode="append", run_id=run_id, job="count_pairs", consumed={}, after=after)
    fresh.unpersist()
    return bool(sizes)


def _number(parts: DataFrame, sizes: Mapping[int, int], taken: int) -> DataFrame:
    """Number rows through, partition after partition, beginning after ``taken``."""
    if taken + sum(sizes.values()) > MAX_ITEMS:
        raise DataContractError(
            f"{taken + sum(sizes.values())} items are more than {MAX_ITEMS}, the most that pairs can be counted of", "split the shop"
        )
    before, offsets = taken, {}
    for part in sorted(sizes):
        offsets[part], before = before, before + sizes[part]
    offset = F.create_map(*(F.lit(value) for pair in offsets.items() for value in pair))[F.spark_partition_id()]
    place = F.monotonically_increasing_id().bitwiseAND(F.lit(_IN_PARTITION))
    return parts.select("item_id", scatter((offset + place + 1).cast("bigint")).alias("number"))


def scatter(sequence: Column) -> Column:
    """Return the number of the n-th item, n from 1. Never 0, which stands for every item."""
    return (sequence * F.lit(SCATTER)) % F.lit(2**ITEM_BITS)
