"""Purchase baskets as sets of items, for who reads whole baskets and not pairs."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from spark_jobs.held import mark_held
from spark_jobs.standing import standing_events


def group_baskets(events: DataFrame, holdout: DataFrame) -> DataFrame:
    """Return unit, items (distinct, each with ``held``: reserved for evaluation) and at, the last event, of the baskets that stand."""
    bought = standing_events(events).where(F.col("kind") == "purchase")
    marked = mark_held(bought, holdout, ("item_id",), "basket_id")
    entry = F.struct(F.col("item_id").alias("item"), "held")
    return marked.groupBy(F.col("basket_id").alias("unit")).agg(F.array_sort(F.collect_set(entry)).alias("items"), F.max("happened_at").alias("at"))


def split_by_size(baskets: DataFrame, max_items: int) -> tuple[DataFrame, DataFrame]:
    """Return the baskets of at most ``max_items`` distinct items, and the larger ones with their size."""
    size = F.size("items")
    return baskets.where(size <= max_items), baskets.where(size > max_items).select("unit", size.alias("size"))
