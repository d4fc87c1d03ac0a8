"""From the folded ledger to the rows of ``item_pairs``: ids for numbers, the items' own counts beside the pair's, and what follows."""

from collections.abc import Mapping
from datetime import datetime

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from spark_jobs.pairs import measures
from spark_jobs.pairs.fold import FULL
from spark_jobs.pairs.kernel import FIXED_POINT
from spark_jobs.pairs.keys import ITEM_BITS
from spark_jobs.pairs.relations import RELATIONS, opposite_of
from spark_jobs.sending import send_few

Totals = Mapping[tuple[str, int], int]
"""All units, by graph and relation's code."""


def read_totals(own: DataFrame) -> Totals:
    """Return all units of each graph and relation: a handful of rows of ``fold_items``."""
    return {(row["graph"], row["relation"]): row["n"] for row in own.where("number = 0").collect()}


def publish_pairs(pairs: DataFrame, own: DataFrame, numbers: DataFrame, newest: Mapping[str, datetime | None]) -> DataFrame:
    """Return item_pairs rows of ``fold_pairs`` and ``fold_items``; ``newest`` is when each graph's newest event happened."""
    totals = read_totals(own)
    counted = name_pairs(pairs, own, numbers, _n_total(totals), *_amounts(), _clean(totals), F.col("season"), F.col("decayed"), *_seen(newest))
    counts = [F.col(name) for name in ("n", "n_src", "n_dst", "n_total")]
    derived = {name: getattr(measures, name)(*counts) for name in ("npmi", "lift", "lift_low")}
    known_at = F.coalesce("last_seen", F.timestamp_seconds(F.lit(0)))
    return counted.withColumns({**derived, "projection": F.col("weighted") / F.col("n_src"), "known_at": known_at})


def name_pairs(pairs: DataFrame, own: DataFrame, numbers: DataFrame, *more: Column) -> DataFrame:
    """Return graph, relation, src, dst, n, n_src and n_dst of folded pairs, and what else is asked for of them."""
    named = _join_ends(pairs, _name_items(own, numbers), numbers.count())
    return named.select(*_ends(), *_counts(), *more)


def _name_items(own: DataFrame, numbers: DataFrame) -> DataFrame:
    """Return key (graph, relation and number in one integer), item_id, and in how many units the item stands as src and as dst."""
    counted = own.where("number > 0").groupBy(_key("number").alias("key"), "number")
    as_src, as_dst = (F.max(F.when(F.col("as_src") == as_src, F.col("n"))) for as_src in (True, False))
    sides = counted.agg(as_src.alias("as_src"), as_dst.alias("as_dst")).join(numbers, on="number", how="inner")
    return sides.select("key", "item_id", F.coalesce("as_src", "as_dst").alias("as_src"), "as_dst")


def _key(number: str) -> Column:
    graph = (F.col("graph") == FULL).cast("bigint")
    key: Column = (graph * 2**8 + F.col("relation")) * 2**ITEM_BITS + F.col(number)
    return key


def _join_ends(pairs: DataFrame, items: DataFrame, count: int) -> DataFrame:
    """Add ``low_`` and ``high_`` columns: what is known of both of ``count`` items."""
    for end in ("low", "high"):
        renamed = items.select(*(F.col(name).alias(f"{end}_{name}") for name in items.columns))
        pairs = pairs.join(send_few(renamed, count), _key(end) == F.col(f"{end}_key"), how="inner")
    return pairs


def _turned() -> Column:
    """Tell whether src is the item of the higher number: by direction, or where there is none by the order of the ids."""
    directed = F.col("relation").isin(*(code for code, relation in RELATIONS.items() if relation.directed))
    return F.when(directed, F.col("back")).otherwise(F.col("low_item_id") > F.col("high_item_id"))


def _ends() -> list[Column]:
    src, dst = (F.when(_turned(), F.col(f"{a}_item_id")).otherwise(F.col(f"{b}_item_id")) for a, b in (("high", "low"), ("low", "high")))
    name = _by_code({code: F.lit(relation.name) for code, relation in RELATIONS.items()})
    return [F.col("graph"), name.alias("relation"), src.alias("src"), dst.alias("dst")]


def _by_code(values: Mapping[int, Column]) -> Column:
    return F.coalesce(*(F.when(F.col("relation") == code, value) for code, value in values.items()))


def _counts() -> list[Column]:
    n_src = F.when(_turned(), F.col("high_as_src")).otherwise(F.col("low_as_src"))
    n_dst = F.when(_turned(), F.col("low_as_dst")).otherwise(F.col("high_as_dst"))
    return [F.col("n"), n_src.alias("n_src"), n_dst.alias("n_dst")]


def _n_total(totals: Totals) -> Column:
    every = (F.when(_in(graph, code), F.lit(n)) for (graph, code), n in totals.items())
    return F.coalesce(*every, F.lit(None)).cast("bigint").alias("n_total")


def _in(graph: str, code: int) -> Column:
    return (F.col("graph") == graph) & (F.col("relation") == code)


def _amounts() -> list[Column]:
    """Return what the meetings amount to: the weight of small baskets, or the mean number of days between."""
    weighted = _by_code({code: F.col("amount") / FIXED_POINT for code, relation in RELATIONS.items() if relation.amount == "weight"})
    lag = _by_code({code: F.col("amount") / F.col("n") for code, relation in RELATIONS.items() if relation.amount == "days"})
    return [weighted.alias("weighted"), lag.alias("lag_days")]


def _clean(totals: Totals) -> Column:
    """Return the clean label; null in a graph where the other relation was never counted, for then it would tell nothing."""
    told = [_in(graph, code) for graph, code in totals if (graph, opposite_of(code)) in totals]
    return F.coalesce(*(F.when(here, F.col("clean")) for here in told), F.lit(None)).cast("boolean").alias("clean")


def _seen(newest: Mapping[str, datetime | None]) -> list[Column]:
    """Return from when and until when a pair met: whole months, but never later than the newest event."""
    since = F.add_months(F.lit("1999-12-01").cast("date"), F.col("first_month")).cast("timestamp")
    until = F.add_months(F.lit("2000-01-01").cast("date"), F.col("last_month")).cast("timestamp") - F.expr("interval 1 microsecond")
    newest_at = F.coalesce(*(F.when(F.col("graph") == graph, F.lit(at)) for graph, at in newest.items() if at is not None), until)
    return [since.alias("first_seen"), F.least(until, newest_at).alias("last_seen")]
