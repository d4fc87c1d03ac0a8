"""Pairs, pruning and verdicts become typed edges, each for a reason that it carries."""

import math
from datetime import UTC, datetime
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from goeswith.jobs import JobRun
from goeswith.profile import Profile
from spark_jobs import build_relations
from spark_jobs.build_relations import Config, decide, summarise
from spark_jobs.edge_types import choose_types, join_edges
from spark_jobs.tables import merge_table
from tests.spark_rows import rows_of

pytestmark = pytest.mark.spark

NOW = datetime(2025, 1, 1, tzinfo=UTC)
Edges = dict[tuple[str, str, str], dict[str, Any]]


def pair(relation: str, src: str, dst: str, *, n: int | None = 3, npmi: float | None = 0.5) -> dict[str, Any]:
    return {"graph": "full", "relation": relation, "src": src, "dst": dst, "n": n, "npmi": npmi, "lift": 2.0, "known_at": NOW}


def declared(relation: str, src: str, dst: str) -> dict[str, Any]:
    return pair(relation, src, dst, n=None, npmi=None)


def score(relation: str, src: str, dst: str, *, kept: bool) -> dict[str, Any]:
    return {"graph": "full", "relation": relation, "src": src, "dst": dst, "run": "r", "score": 0.1, "kept": kept, "rule": "degree", "rate": 0.3}


def verdict(src: str, dst: str, substitute: float, complement: float, *, judge: str = "flan-t5", day: int = 1) -> dict[str, Any]:
    told = {"p_substitute": substitute, "p_complement": complement, "p_neither": round(1 - substitute - complement, 6)}
    return {
        "src": src,
        "dst": dst,
        "judge": judge,
        "prompt_hash": f"h{day}",
        "model_revision": "1",
        "judged_at": NOW.replace(day=day),
        "known_at": NOW,
        **told,
    }


def decided(
    spark: SparkSession, pairs: list[dict[str, Any]], scores: list[dict[str, Any]] | None = None, verdicts: list[dict[str, Any]] | None = None
) -> DataFrame:
    frames = (rows_of(spark, "item_pairs", pairs), rows_of(spark, "pair_scores", scores or []), rows_of(spark, "edge_verdicts", verdicts or []))
    return decide(*frames, Config())


def edges_of(
    spark: SparkSession, pairs: list[dict[str, Any]], scores: list[dict[str, Any]] | None = None, verdicts: list[dict[str, Any]] | None = None
) -> Edges:
    found = choose_types(join_edges(decided(spark, pairs, scores, verdicts), 0.5 if verdicts else 1.0)).collect()
    assert len({(row["type"], row["src"], row["dst"]) for row in found}) == len(found)
    return {(row["type"], row["src"], row["dst"]): row.asDict() for row in found}


def test_an_edge_knows_since_when_how_fresh_it_is_and_its_season(spark: SparkSession) -> None:
    january = [1.0] + [0.0] * 11
    met = {**pair("co_purchase", "a", "b", n=4), "decayed": 1.0, "season": january, "first_seen": NOW.replace(month=3)}
    earlier = {**pair("then_bought", "a", "b", npmi=0.1), "decayed": 3.0, "season": [1 / 12] * 12, "first_seen": NOW}
    edges = edges_of(spark, [met, earlier, declared("also_bought", "a", "c")])
    one = edges["complement", "b", "a"]
    assert one["first_seen"].replace(tzinfo=UTC) == NOW.replace(month=3), "then_bought speaks for its own direction only"
    assert (one["recency"], one["season_cos"], one["season_sin"]) == pytest.approx((0.25, math.cos(math.pi / 12), math.sin(math.pi / 12)))
    assert edges["complement", "a", "b"]["first_seen"].replace(tzinfo=UTC) == NOW
    assert edges["complement", "a", "b"]["recency"] == 0.25, "of the strongest relation, as the counts are"
    assert [edges["complement", "a", "c"][name] for name in ("first_seen", "recency", "season_cos", "season_sin")] == [None] * 4


def test_views_make_substitutes_and_purchases_complements_in_both_directions(spark: SparkSession) -> None:
    edges = edges_of(spark, [pair("co_view", "a", "b"), pair("co_purchase", "a", "c")])
    assert set(edges) == {("substitute", "a", "b"), ("substitute", "b", "a"), ("complement", "a", "c"), ("complement", "c", "a")}
    one = edges["substitute", "b", "a"]
    assert (one["relation"], one["n"], one["npmi"], one["judge"], one["moved"]) == ("co_view", 3, 0.5, None, False)
    assert one["weight"] == pytest.approx(0.5 * 3 / 4)


def test_then_bought_strengthens_its_own_direction_only(spark: SparkSession) -> None:
    edges = edges_of(spark, [pair("co_purchase", "balls", "racket"), pair("then_bought", "racket", "balls", npmi=0.8), pair("then_bought", "x", "y")])
    assert edges["complement", "racket", "balls"]["weight"] == pytest.approx(1 - (1 - 0.375) * (1 - 0.6))
    assert edges["complement", "racket", "balls"]["relation"] == "then_bought"
    assert edges["complement", "balls", "racket"]["weight"] == pytest.approx(0.375)
    assert ("complement", "y", "x") not in edges


def test_pruned_and_chance_pairs_are_no_edges(spark: SparkSession) -> None:
    pairs = [
        pair("co_purchase", "a", "b"),
        pair("co_purchase", "a", "c"),
        pair("co_purchase", "a", "d", npmi=-0.1),
        pair("co_view", "a", "e", npmi=0.0),
    ]
    edges = edges_of(spark, pairs, [score("co_purchase", "a", "b", kept=False), score("co_purchase", "a", "c", kept=True)])
    assert set(edges) == {("complement", "a", "c"), ("complement", "c", "a")}


def test_a_verdict_weighs_moves_or_drops_counted_pairs(spark: SparkSession) -> None:
    pairs = [pair("co_purchase", "a", "b"), pair("co_purchase", "a", "c"), pair("co_purchase", "a", "d"), pair("co_view", "a", "e")]
    verdicts = [verdict("b", "a", 0.1, 0.8), verdict("a", "c", 0.7, 0.2), verdict("a", "d", 0.1, 0.2), verdict("a", "e", 0.3, 0.4)]
    edges = edges_of(spark, pairs, verdicts=verdicts)
    assert {key[:1] + key[2:] for key in edges if key[1] == "a"} == {("complement", "b"), ("substitute", "c"), ("substitute", "e")}
    assert edges["complement", "a", "b"]["weight"] == pytest.approx(0.375 * 0.8)
    assert (edges["substitute", "c", "a"]["moved"], edges["substitute", "c", "a"]["p_type"]) == (True, 0.7)
    assert (edges["substitute", "a", "e"]["moved"], edges["substitute", "a", "e"]["p_type"]) == (False, 0.3)
    assert edges["complement", "a", "b"]["judge"] == "flan-t5"


def test_a_judge_that_abstains_neither_moves_nor_drops_whatever_the_thresholds(spark: SparkSession) -> None:
    equal = {"p_substitute": 1 / 3, "p_complement": 1 / 3, "p_neither": 1 / 3}
    verdicts = [{**verdict("a", "b", 0, 0, judge="distilled"), **equal}, {**verdict("a", "c", 0, 0, judge="supervised"), **equal}]
    frames = (rows_of(spark, "item_pairs", [pair("co_view", "a", "b"), pair("co_purchase", "a", "c")]), rows_of(spark, "pair_scores", []))
    found = decide(*frames, rows_of(spark, "edge_verdicts", verdicts), Config(move_at=0.0, drop_at=0.0)).collect()
    assert {(row["dst"], row["type"], row["fate"]) for row in found} == {("b", "substitute", "kept"), ("c", "complement", "kept")}


def test_what_no_verdict_decides_weighs_no_more_than_what_was_confirmed(spark: SparkSession) -> None:
    pairs = [pair("co_view", "a", "b"), pair("co_view", "a", "c"), pair("co_view", "a", "d")]
    equal = {"p_substitute": 1 / 3, "p_complement": 1 / 3, "p_neither": 1 / 3}
    edges = edges_of(spark, pairs, verdicts=[verdict("a", "b", 0.8, 0.1), {**verdict("a", "c", 0, 0, judge="supervised"), **equal}])
    found = {dst: (round(edge["weight"] / 0.375, 9), edge["judge"], edge["p_type"]) for (_, src, dst), edge in edges.items() if src == "a"}
    assert found == {"b": (0.8, "flan-t5", 0.8), "c": (0.5, "supervised", None), "d": (0.5, None, None)}


def test_the_newest_verdict_counts(spark: SparkSession) -> None:
    edges = edges_of(spark, [pair("co_view", "a", "b")], verdicts=[verdict("a", "b", 0.2, 0.1, day=1), verdict("a", "b", 0.9, 0.1, day=2)])
    assert edges["substitute", "a", "b"]["prompt_hash"] == "h2"


def test_asked_both_ways_round_substitutes_are_alike_and_complements_are_not(spark: SparkSession) -> None:
    pairs = [pair("co_view", "a", "b"), pair("co_purchase", "racket", "balls"), pair("co_purchase", "one", "way")]
    told = [
        verdict("a", "b", 0.9, 0.1),
        verdict("b", "a", 0.5, 0.2),
        verdict("racket", "balls", 0.1, 0.9),
        verdict("balls", "racket", 0.1, 0.3, day=2),
    ]
    edges = edges_of(spark, pairs, verdicts=[*told, verdict("way", "one", 0.1, 0.7)])
    found = {key[1:]: edge["p_type"] for key, edge in edges.items()}
    assert (found["a", "b"], found["b", "a"]) == pytest.approx((0.7, 0.7))
    assert (found["racket", "balls"], found["balls", "racket"]) == pytest.approx((0.9, 0.3))
    assert (found["one", "way"], found["way", "one"]) == pytest.approx((0.7, 0.7)), "asked one way only, the answer holds for both"
    assert edges["complement", "racket", "balls"]["weight"] == pytest.approx(3 * edges["complement", "balls", "racket"]["weight"])
    assert edges["complement", "racket", "balls"]["prompt_hash"] == "h2"


def test_a_pair_is_dropped_where_both_answers_together_say_neither(spark: SparkSession) -> None:
    pairs = [pair("co_purchase", "a", "b"), pair("co_purchase", "c", "d")]
    told = [verdict("a", "b", 0.1, 0.1), verdict("b", "a", 0.1, 0.2), verdict("c", "d", 0.1, 0.1), verdict("d", "c", 0.1, 0.9)]
    assert {key[1:] for key in edges_of(spark, pairs, verdicts=told)} == {("c", "d"), ("d", "c")}


def test_another_judges_newer_answers_take_the_place_of_all_older_ones(spark: SparkSession) -> None:
    told = [verdict("a", "b", 0.2, 0.1, judge="rules", day=1), verdict("b", "a", 0.9, 0.1, day=2)]
    edges = edges_of(spark, [pair("co_view", "a", "b")], verdicts=told)
    assert {(edge["judge"], edge["p_type"]) for edge in edges.values()} == {("flan-t5", 0.9)}


def test_rules_leave_declared_edges_as_they_are_while_a_language_model_may_move_them(spark: SparkSession) -> None:
    pairs = [declared("also_viewed", "a", "b"), declared("also_viewed", "a", "c")]
    edges = edges_of(spark, pairs, verdicts=[verdict("a", "b", 0.1, 0.9, judge="rules"), verdict("a", "c", 0.1, 0.9)])
    assert set(edges) == {("substitute", "a", "b"), ("substitute", "b", "a"), ("complement", "a", "c"), ("complement", "c", "a")}
    assert edges["substitute", "a", "b"]["weight"] == 1


def test_counted_in_both_types_the_stronger_stays_declared_in_both_both_stay(spark: SparkSession) -> None:
    pairs = [
        pair("co_view", "a", "b", npmi=0.3),
        pair("co_purchase", "a", "b", npmi=0.6),
        declared("also_viewed", "c", "d"),
        declared("also_bought", "d", "c"),
    ]
    edges = edges_of(spark, pairs)
    assert {key[0] for key in edges if {"a", "b"} == set(key[1:])} == {"complement"}
    assert {key[0] for key in edges if {"c", "d"} == set(key[1:])} == {"substitute", "complement"}


def test_every_pair_has_one_fate_in_the_summary_and_a_second_run_writes_nothing(spark: SparkSession, profile: Profile) -> None:
    pairs = [pair("co_purchase", "a", "b"), pair("co_purchase", "a", "c", npmi=-0.2), pair("co_view", "a", "d")]
    version = merge_table(spark, profile, "item_pairs", rows_of(spark, "item_pairs", pairs), run_id="r", job="test", consumed={})
    job = JobRun(profile=profile, run_id="r", versions={"item_pairs": version})
    first = build_relations.run(job)
    assert build_relations.run(job) == first
    assert first.summary["pairs"] == {"full": {"co_purchase": {"kept": 1, "weak": 1}, "co_view": {"kept": 1}}}
    assert first.summary["edges"]["full"]["complement"] == {"edges": 2, "moved": 0, "judged": 0}


def test_the_summary_counts_what_was_moved(spark: SparkSession) -> None:
    pairs = decided(spark, [pair("co_view", "a", "b")], verdicts=[verdict("a", "b", 0.1, 0.9)])
    assert summarise(pairs, choose_types(join_edges(pairs, 0.5))) == {
        "pairs": {"full": {"co_view": {"moved": 1}}},
        "edges": {"full": {"complement": {"edges": 2, "moved": 2, "judged": 2}}},
    }
