"""What a judge is asked: distinct pairs as questions, the ones worth most first, both ways round where the judge may answer differently."""

from collections.abc import Callable
from typing import Literal

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from goeswith.catalogue.graph import SUBSTITUTE, TYPE_OF
from spark_jobs.edge_types import PAIR
from spark_jobs.judges.base import ItemPair
from spark_jobs.judges.prompt import MAX_FIELD_CHARS
from spark_jobs.judges.rules import judge_pair
from spark_jobs.judges.worker import parse_item

First = Literal["frequent", "uncertain", "tail", "mixed", "random"]
ALWAYS_JUDGED = tuple(relation for relation, kind in TYPE_OF.items() if kind == SUBSTITUTE)
"""Relations that say 'substitute': their pairs are judged even where pruning, which looks at complements, dropped them."""
_ITEM = {"item_id": "", "item": "_item", "known_at": "_known_at"}


def leave_out_pruned(pairs: DataFrame, scores: DataFrame) -> DataFrame:
    """Return the pairs that pruning kept or did not score, and all pairs of relations that say 'substitute'."""
    dropped = scores.where(~F.col("kept") & ~F.col("relation").isin(*ALWAYS_JUDGED))
    return pairs.join(dropped.select(*PAIR), on=list(PAIR), how="left_anti")


def build_questions(pairs: DataFrame, items: DataFrame) -> DataFrame:
    """Return one row two items that met, ``src`` < ``dst``: how often (``n``), how often as substitutes, and both items as JSON."""
    ends = F.least("src", "dst").alias("src"), F.greatest("src", "dst").alias("dst")
    said = F.max(F.when(F.col("relation").isin(*ALWAYS_JUDGED), F.coalesce("n", F.lit(1)))).alias("n_substitute")
    distinct = pairs.groupBy(*ends).agg(F.max("n").alias("n"), said)
    described = describe_items(items)
    for end in ("src", "dst"):
        distinct = distinct.join(described.select(*(F.col(c).alias(f"{end}{rest}") for c, rest in _ITEM.items())), on=end, how="inner")
    return distinct


def describe_items(items: DataFrame) -> DataFrame:
    """Return item_id, known_at and what a judge may read of the item as JSON, nulls left out, descriptions cut."""
    description = F.left("description", F.lit(MAX_FIELD_CHARS)).alias("description")
    read = F.struct("title", description, "brand", "category", "attributes", "price")
    return items.select("item_id", "known_at", F.to_json(read).alias("item"))


def put_questions(chosen: DataFrame, version: str, *, both_ways: bool) -> DataFrame:
    """Return one row a question: its keys, both items, and its ``place`` where pairs have one.

    ``version`` is what a verdict depends on beside the items: prompt and model. ``known_at`` is when both items were known.
    """
    swapped = {"src": "dst", "dst": "src", "src_item": "dst_item", "dst_item": "src_item"}
    other_way = chosen.select(*(F.col(swapped.get(name, name)).alias(name) for name in chosen.columns))
    asked = chosen.unionByName(other_way) if both_ways else chosen
    prompt_hash = F.sha2(F.concat_ws("\n", F.lit(version), "src_item", "dst_item"), 256)
    known_at = F.greatest("src_known_at", "dst_known_at")
    return asked.withColumns({"prompt_hash": prompt_hash, "known_at": known_at}).drop("n", "n_substitute", "src_known_at", "dst_known_at")


def add_places(questions: DataFrame, first: First, seed: int) -> DataFrame:
    """Add ``place``: 1 is asked first.

    *frequent*: what met most often. *uncertain*: where the offline rules doubt or contradict what behaviour says. *tail*: one pair of every
    item before a second of any, those of rare items first. *mixed*: in turn. *random*: the control.
    All rows pass one task, which sorts them on disk: what needs an order is what somebody pays for.
    """
    return _by_chance(questions, seed) if first == "random" else ORDERS[first](questions)


def _by_frequency(questions: DataFrame) -> DataFrame:
    return _place(questions, F.col("n").desc_nulls_last())


def _by_chance(questions: DataFrame, seed: int) -> DataFrame:
    return _place(questions, F.xxhash64("src", "dst", F.lit(seed)))


def _by_doubt(questions: DataFrame) -> DataFrame:
    doubt = F.udf(doubt_of, "double", useArrow=False)("src_item", "dst_item", "n", "n_substitute")
    return _place(questions.withColumn("doubt", doubt), F.col("doubt").desc(), F.col("n").desc_nulls_last()).drop("doubt")


def _by_cover(questions: DataFrame) -> DataFrame:
    ends = questions.select(F.explode(F.array("src", "dst")).alias("end")).groupBy("end").agg(F.count(F.lit(1)).alias("degree"))
    joined = questions
    for end in ("src", "dst"):
        joined = joined.join(ends.select(F.col("end").alias(end), F.col("degree").alias(f"{end}_degree")), on=end, how="inner")
    rarer = F.when(F.col("src_degree") <= F.col("dst_degree"), F.col("src")).otherwise(F.col("dst"))
    of_item = Window.partitionBy(rarer).orderBy(F.col("n").desc_nulls_last(), "src", "dst")
    nth, degree = F.row_number().over(of_item), F.least("src_degree", "dst_degree")
    return _place(joined.withColumns({"nth": nth, "degree": degree}), F.col("nth"), F.col("degree")).drop("nth", "degree", "src_degree", "dst_degree")


def _in_turn(questions: DataFrame) -> DataFrame:
    placed = questions
    for turn, order in enumerate((_by_doubt, _by_frequency, _by_cover)):
        placed = order(placed).withColumn(f"turn_{turn}", F.col("place") * 3 + turn).drop("place")
    turns = [f"turn_{turn}" for turn in range(3)]
    return _place(placed, F.least(*turns)).drop(*turns)


ORDERS: dict[str, Callable[[DataFrame], DataFrame]] = {"frequent": _by_frequency, "uncertain": _by_doubt, "tail": _by_cover, "mixed": _in_turn}


def _place(questions: DataFrame, *order: Column) -> DataFrame:
    return questions.withColumn("place", F.row_number().over(Window.orderBy(*order, "src", "dst")))


def doubt_of(src_item: str, dst_item: str, n: int | None, n_substitute: int | None) -> float:
    """Return the doubt of a pair, 0 to 2: one less the lead that the rules give to what behaviour says; over 1 they say otherwise."""
    verdict = judge_pair(ItemPair(parse_item(src_item), parse_item(dst_item)))
    as_substitutes = n_substitute is not None and (n is None or n_substitute >= n)
    own, other = (verdict.p_substitute, verdict.p_complement) if as_substitutes else (verdict.p_complement, verdict.p_substitute)
    return 1 - (own - max(other, verdict.p_neither))
