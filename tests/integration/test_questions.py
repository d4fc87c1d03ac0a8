"""Which pairs a judge is asked about first."""

from collections.abc import Sequence
from typing import Any, get_args

import pytest
from pyspark.sql import SparkSession

from spark_jobs.questions import First, add_places, build_questions, put_questions
from tests.spark_rows import rows_of
from tests.tiny_shop import EPOCH

pytestmark = pytest.mark.spark

KINDS = {"pan": ["kitchen", "pans"], "lid": ["kitchen", "lids"], "pot": ["kitchen", "pans"], "ball": ["sport", "balls"], "hat": ["clothes", "hats"]}


def pair(relation: str, src: str, dst: str, n: int | None) -> dict[str, Any]:
    return {"graph": "full", "relation": relation, "src": src, "dst": dst, "n": n, "known_at": EPOCH}


PAIRS = [
    pair("co_purchase", "lid", "pan", 90),
    pair("then_bought", "pan", "lid", 40),
    pair("co_view", "pan", "pot", 50),
    pair("co_purchase", "pan", "pot", 80),
    pair("co_purchase", "ball", "pan", 20),
    pair("co_purchase", "hat", "pan", 1),
]
FREQUENT = [("lid", "pan"), ("pan", "pot"), ("ball", "pan"), ("hat", "pan")]


def asked(spark: SparkSession, first: First, seed: int = 0, pairs: Sequence[dict[str, Any]] = tuple(PAIRS)) -> list[tuple[str, str]]:
    items = [{"item_id": name, "title": name, "category": path, "available": True, "known_at": EPOCH} for name, path in KINDS.items()]
    questions = build_questions(rows_of(spark, "item_pairs", pairs), rows_of(spark, "items", items))
    rows = add_places(questions, first, seed).orderBy("place").collect()
    assert [row["place"] for row in rows] == list(range(1, len(rows) + 1))
    return [(row["src"], row["dst"]) for row in rows]


def test_two_items_are_one_question_however_often_they_met_and_the_frequent_come_first(spark: SparkSession) -> None:
    assert asked(spark, "frequent") == FREQUENT


def test_the_uncertain_are_those_whose_rules_contradict_what_was_bought(spark: SparkSession) -> None:
    order = asked(spark, "uncertain")
    assert order[0] == ("pan", "pot"), "bought together and of one kind"
    assert order[-1] == ("lid", "pan"), "bought together, and the rules agree"


def test_every_item_is_asked_about_once_before_any_is_asked_about_twice(spark: SparkSession) -> None:
    more = [*PAIRS, pair("co_purchase", "lid", "pot", 70)]
    assert asked(spark, "frequent", pairs=more)[2] == ("lid", "pot")
    assert asked(spark, "tail", pairs=more)[-1] == ("lid", "pot"), "both have been asked about, with the pan"


def test_mixed_takes_the_first_of_each_in_turn(spark: SparkSession) -> None:
    assert set(asked(spark, "mixed")[:2]) == {asked(spark, "uncertain")[0], asked(spark, "frequent")[0]}


def test_chance_is_the_seeds(spark: SparkSession) -> None:
    assert asked(spark, "random", 1) == asked(spark, "random", 1)
    assert len({tuple(asked(spark, "random", seed)) for seed in range(4)}) > 1
    assert {*get_args(First)} == {"frequent", "uncertain", "tail", "mixed", "random"}


def test_asked_both_ways_round_the_items_change_places_with_their_texts(spark: SparkSession) -> None:
    items = [{"item_id": name, "title": f"a {name}", "category": path, "available": True, "known_at": EPOCH} for name, path in KINDS.items()]
    questions = build_questions(rows_of(spark, "item_pairs", PAIRS[:1]), rows_of(spark, "items", items))
    rows = {(row["src"], row["dst"]): row for row in put_questions(questions, "v1", both_ways=True).collect()}
    assert set(rows) == {("lid", "pan"), ("pan", "lid")}
    assert "a pan" in rows["pan", "lid"]["src_item"]
    assert "a lid" in rows["pan", "lid"]["dst_item"]
    assert len({row["prompt_hash"] for row in rows.values()}) == 2
