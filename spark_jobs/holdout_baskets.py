"""Bundles and baskets that evaluation completes."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from spark_jobs.holdout_split import LATER, TEST, VALIDATION, Split, reserved


def reserve_bundles(bundles: DataFrame, split: Split) -> DataFrame:
    """Return reserved bundles, with their ``group_id``: a group goes one way as a whole."""
    groups = bundles.groupBy("bundle_id").agg(F.min("group_id").alias("group_id"))
    drawn = groups.withColumn("split", split.of("bundle", "group_id")).where(F.col("split").isNotNull())
    return drawn.select(*reserved("bundle", F.col("bundle_id"), F.col("split"), "group"), "group_id")


def reserve_sources_of(bundles: DataFrame, held: DataFrame, events: DataFrame) -> DataFrame:
    """Return the baskets that a reserved bundle was drawn from: its group's, and any that holds all of its two or more items."""
    entries = events.select("basket_id", "item_id").distinct()
    groups = held.select(F.col("group_id").alias("basket_id"), "split").join(entries, on="basket_id", how="left_semi")
    parts = bundles.join(held.select(F.col("id").alias("bundle_id"), "split"), on="bundle_id", how="inner").select("bundle_id", "item_id", "split")
    sizes = parts.groupBy("bundle_id").agg(F.count(F.lit(1)).alias("size")).where(F.col("size") > 1)
    found = entries.join(parts, on="item_id", how="inner").groupBy("basket_id", "bundle_id", "split").agg(F.count(F.lit(1)).alias("found"))
    whole = found.join(sizes, on="bundle_id", how="inner").where(F.col("found") == F.col("size"))
    name, chosen = F.col("basket_id"), F.col("split")
    return groups.select(*reserved("basket", name, chosen, "session of a bundle")).unionByName(
        whole.select(*reserved("basket", name, chosen, "holds a whole bundle"))
    )


def reserve_baskets(events: DataFrame, standing: DataFrame, split: Split) -> DataFrame:
    """Return reserved baskets: the last by day where there are enough days, else by hash.

    ``standing`` events decide where the cut is. All later baskets are reserved, also those that do not stand: a basket's day is
    that of its purchases and views, whenever something was returned.
    """
    cut = find_cut(standing, split).first()
    if cut is None or cut["validation_day"] is None:
        purchases = standing.where(F.col("kind") == "purchase").select("basket_id").distinct()
        drawn = purchases.withColumn("split", split.of("basket", "basket_id")).where(F.col("split").isNotNull())
        return drawn.select(*reserved("basket", F.col("basket_id"), F.col("split"), "hash"))
    days = events.where(F.col("kind") != "return").groupBy("basket_id").agg(F.to_date(F.max("happened_at")).alias("day"))
    later = days.where(F.col("day") >= F.lit(cut["validation_day"]))
    is_later, is_test = (F.coalesce(F.col("day") >= F.lit(cut[name]), F.lit(False)) for name in ("later_day", "test_day"))
    return later.select(*reserved("basket", F.col("basket_id"), F.when(is_later, LATER).when(is_test, TEST).otherwise(VALIDATION), "time"))


def find_cut(events: DataFrame, split: Split) -> DataFrame:
    """Return one row: the first day of validation, of test and of what is later, so that at least the rest of the baskets of 2+ items stand before.

    Null where there is no such day: no times, or too few days to tell a past from a future.
    """
    baskets = events.where((F.col("kind") == "purchase") & F.col("happened_at").isNotNull()).groupBy("basket_id")
    several = baskets.agg(F.to_date(F.max("happened_at")).alias("day"), F.count_distinct("item_id").alias("size")).where(F.col("size") > 1)
    days = several.groupBy("day").agg(F.count(F.lit(1)).alias("n"))  # as many rows as days: one window over them is small
    before = F.sum("n").over(Window.orderBy("day").rowsBetween(Window.unboundedPreceding, -1))
    seen = days.select("day", F.round(before / F.sum("n").over(Window.partitionBy()), 9).alias("share_before"))

    def first_day_after(share: float) -> Column:
        return F.min(F.when(F.col("share_before") >= round(share, 9), F.col("day")))

    now = 1 - split.later
    first_days = {"validation_day": now - split.test - split.validation, "test_day": now - split.test, "later_day": now}
    return seen.agg(*(first_day_after(share).alias(name) for name, share in first_days.items()))
