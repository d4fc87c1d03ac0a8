"""Who met whom: from events to baskets, sessions and users, and from those to one row a meeting of two items.

Units (a basket, a session, a user) have the columns relation, unit and items (distinct, with ``held``: reserved for evaluation).
Meetings have relation, src, dst, at (when; null where the source has no times), open_at (the same without the holdout) and held:
so one count serves the full and the evaluation graph.
"""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

CO_PURCHASE, CO_VIEW, THEN_BOUGHT = "co_purchase", "co_view", "then_bought"
DAY_S = 86_400
MEETING = ("relation", "src", "dst", "at", "open_at", "held")


def mark_held(rows: DataFrame, holdout: DataFrame, ends: tuple[str, ...], basket: str | None = None) -> DataFrame:
    """Add ``held``: one of the items that ``ends`` name, or the basket, is reserved for evaluation."""
    kinds = {**dict.fromkeys(ends, "item"), **({basket: "basket"} if basket else {})}
    held = F.lit(False)
    for column, kind in kinds.items():
        reserved = holdout.where(F.col("kind") == kind).select(F.col("id").alias(f"_{column}"))
        rows = rows.join(reserved, F.col(column) == F.col(f"_{column}"), how="left")
        held = held | F.col(f"_{column}").isNotNull()
    return rows.withColumn("held", held).drop(*(f"_{column}" for column in kinds))


def group_baskets(events: DataFrame) -> DataFrame:
    """Return baskets (relation co_purchase) and sessions (co_view) as units, with ``at``, their last event."""
    relation = F.when(F.col("kind") == "purchase", CO_PURCHASE).otherwise(CO_VIEW)
    entry = F.struct(F.col("item_id").alias("item"), "held")
    return events.groupBy(relation.alias("relation"), F.col("basket_id").alias("unit")).agg(
        F.array_sort(F.collect_set(entry)).alias("items"), F.max("happened_at").alias("at")
    )


def group_users(events: DataFrame) -> DataFrame:
    """Return users as units (relation then_bought), with what they bought and when; an item is held if all its purchases are."""
    known = F.col("user_id").isNotNull() & F.col("happened_at").isNotNull() & (F.col("kind") == "purchase")
    purchases = events.where(known).groupBy(F.col("user_id").alias("unit"), F.col("item_id").alias("item"))
    each = purchases.agg(
        F.bool_and("held").alias("held"), F.collect_set(F.struct("basket_id", F.col("happened_at").alias("at"), "held")).alias("times")
    )
    grouped = each.groupBy("unit").agg(
        F.collect_list(F.struct("item", "held")).alias("items"), F.collect_list(F.struct("item", "times")).alias("bought")
    )
    return grouped.withColumn("relation", F.lit(THEN_BOUGHT))


def split_by_size(units: DataFrame, max_items: int) -> tuple[DataFrame, DataFrame]:
    """Return the units of at most ``max_items`` distinct items, and the larger ones, whose pairs would mean nothing."""
    size = F.size("items")
    return units.where(size <= max_items), units.where(size > max_items).select("relation", "unit", size.alias("size"))


def meet_in_baskets(baskets: DataFrame) -> DataFrame:
    """Return one meeting, src < dst, for every two items of a basket or session."""
    first = baskets.select("relation", "at", "items", F.posexplode("items").alias("position", "a"))
    pairs = first.select("relation", "at", "a", F.explode(F.expr("slice(items, position + 2, size(items))")).alias("b"))
    held = F.col("a.held") | F.col("b.held")
    return _as_meetings(pairs, F.col("a.item"), F.col("b.item"), held)


def _as_meetings(pairs: DataFrame, src: Column, dst: Column, held: Column) -> DataFrame:
    return pairs.select("relation", src.alias("src"), dst.alias("dst"), "at", F.when(~held, F.col("at")).alias("open_at"), held.alias("held"))


def meet_in_time(users: DataFrame, within_days: int) -> DataFrame:
    """Return directed meetings: dst in a later basket of the same user, at most ``within_days`` after src.

    A user counts once a pair, at the first time that it happened.
    """
    first = users.select("relation", "unit", "bought", F.explode("bought").alias("a"))
    items = first.select("relation", "unit", "a", F.explode("bought").alias("b")).where(F.col("a.item") != F.col("b.item"))
    ends = items.select(
        "relation", "unit", F.col("a.item").alias("src"), F.col("b.item").alias("dst"), F.explode("a.times").alias("a"), F.col("b.times")
    )
    times = ends.select("relation", "unit", "src", "dst", "a", F.explode("times").alias("b"))
    gap_s = F.col("b.at").cast("double") - F.col("a.at").cast("double")
    later = times.where((gap_s > 0) & (gap_s <= within_days * DAY_S) & (F.col("a.basket_id") != F.col("b.basket_id")))
    held = F.col("a.held") | F.col("b.held")
    once = later.groupBy("relation", "unit", "src", "dst").agg(
        F.min("b.at").alias("at"), F.min(F.when(~held, F.col("b.at"))).alias("open_at"), F.bool_and(held).alias("held")
    )
    return once.select(*MEETING)
