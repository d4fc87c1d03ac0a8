"""What is reserved, and that nothing of it stays in the evaluation graph."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import pytest
from pyspark.sql import SparkSession

from goeswith.jobs import JobRun
from goeswith.profile import Profile
from spark_jobs import count_pairs, measure_pairs, reserve_holdout
from spark_jobs.reserve_holdout import Config, build_holdout
from spark_jobs.tables import merge_table, read_table
from tests.naive_pairs import START, event
from tests.spark_rows import rows_of

pytestmark = pytest.mark.spark


def reserved(
    spark: SparkSession,
    events: Sequence[dict[str, Any]] = (),
    bundles: Sequence[dict[str, Any]] = (),
    declared: Sequence[dict[str, Any]] = (),
    **config: Any,
) -> dict[str, dict[str, str]]:
    """Return {kind: {id: split}}."""
    frames = (rows_of(spark, "events", events), rows_of(spark, "bundles", bundles), rows_of(spark, "declared_relations", declared))
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for row in build_holdout(*frames, Config(**config)).collect():
        assert row["id"] not in found[row["kind"]]
        found[row["kind"]][row["id"]] = row["split"]
    return found


def bundle(name: str, items: list[str], group: str) -> list[dict[str, Any]]:
    return [{"bundle_id": name, "item_id": item, "group_id": group, "origin": "curated", "known_at": START} for item in items]


def basket(name: str, items: list[str], **more: Any) -> list[dict[str, Any]]:
    return [event(name, item, **more) for item in items]


BUNDLES = [row for k in range(60) for row in bundle(f"b{k}", [f"i{k}", f"i{k + 1}", f"i{k + 2}"], f"g{k // 2}")]


def test_a_group_of_bundles_goes_one_way_as_a_whole_in_about_the_asked_shares(spark: SparkSession) -> None:
    held = reserved(spark, bundles=BUNDLES)["bundle"]
    assert all(held.get(f"b{k}") == held.get(f"b{k + 1}") for k in range(0, 60, 2))
    assert 4 <= sum(split == "test" for split in held.values()) <= 22
    assert "validation" in held.values()
    assert reserved(spark, bundles=BUNDLES)["bundle"] == held
    assert reserved(spark, bundles=BUNDLES, seed=7)["bundle"] != held


def test_the_baskets_that_a_reserved_bundle_was_drawn_from_are_reserved_too(spark: SparkSession) -> None:
    events = [e for k in range(30) for e in basket(f"g{k}", [f"i{2 * k}", "other"])]
    events += [e for k in range(60) for e in basket(f"whole{k}", [f"i{k}", f"i{k + 1}", f"i{k + 2}", "more"])]
    events += [e for k in range(60) for e in basket(f"part{k}", [f"i{k}", f"i{k + 1}"])]
    held = reserved(spark, events, BUNDLES)
    assert held["bundle"]
    for k in range(60):
        split = held["bundle"].get(f"b{k}")
        assert held["basket"].get(f"g{k // 2}") == split
        assert held["basket"].get(f"whole{k}") == split
    assert not any(name.startswith("part") for name in held["basket"])


def test_with_times_the_last_baskets_are_test_and_nothing_later_than_the_cut_is_left(spark: SparkSession) -> None:
    events = [e for day in range(100) for e in basket(f"b{day}", ["a", "b"], day=day)]
    events += basket("single", ["c"], day=95) + basket("viewed", ["c", "d"], day=99, kind="view") + basket("old view", ["c"], day=2, kind="view")
    held = reserved(spark, events)["basket"]
    assert {name for name, split in held.items() if split == "test"} == {*(f"b{day}" for day in range(80, 100)), "single", "viewed"}
    assert {name for name, split in held.items() if split == "validation"} == {f"b{day}" for day in range(70, 80)}


def test_as_of_an_earlier_day_what_is_later_than_the_test_is_used_for_nothing(spark: SparkSession) -> None:
    held = reserved(spark, [e for day in range(100) for e in basket(f"b{day}", ["a", "b"], day=day)], later_share=0.4)["basket"]
    days = {split: sorted(int(name[1:]) for name, of in held.items() if of == split) for split in ("validation", "test", "later")}
    assert days == {"validation": list(range(30, 40)), "test": list(range(40, 60)), "later": list(range(60, 100))}


def test_without_times_and_bundles_the_hash_decides(spark: SparkSession) -> None:
    held = reserved(spark, [e for k in range(300) for e in basket(f"b{k}", ["a", "b"])])["basket"]
    assert 35 <= sum(split == "test" for split in held.values()) <= 85
    assert 12 <= sum(split == "validation" for split in held.values()) <= 50


def dense_edges(n: int) -> list[dict[str, str]]:
    """Return a ring in which each item declares its next six."""
    return [{"kind": "also_viewed", "src": f"i{a}", "dst": f"i{(a + step) % n}", "source": "x"} for a in range(n) for step in range(1, 7)]


def test_one_edge_an_item_is_reserved_and_no_item_stands_in_two(spark: SparkSession) -> None:
    edges = dense_edges(120)
    poor = [{"kind": "also_viewed", "src": f"p{k}", "dst": f"q{k}", "source": "x"} for k in range(40)]
    held = reserved(spark, declared=edges + poor)
    ends = [end for name in held["edge"] for end in name.split("|")[1:]]
    assert len(ends) == len(set(ends))
    declared = {frozenset((e["src"], e["dst"])) for e in edges}
    assert all(frozenset(name.split("|")[1:]) in declared for name in held["edge"])
    assert not set(ends) & set(held["item"])
    assert len(held["edge"]) >= 35
    assert {"test", "validation"} == set(held["edge"].values())
    assert 1 <= len(held["item"]) <= 25


def test_reserved_baskets_edges_and_items_are_in_no_pair_of_the_evaluation_graph(spark: SparkSession, profile: Profile) -> None:
    events = [e for day in range(20) for e in basket(f"b{day}", [f"i{day}", f"i{day + 1}"], day=day, user="u")]
    sources = {"events": events, "bundles": [], "declared_relations": dense_edges(60)}
    versions = {
        name: merge_table(spark, profile, name, rows_of(spark, name, rows), run_id="r", job="test", consumed={}) for name, rows in sources.items()
    }
    held = reserve_holdout.run(JobRun(profile=profile, run_id="r", versions=versions))
    assert reserve_holdout.run(JobRun(profile=profile, run_id="r", versions=versions)) == held
    versions |= held.versions
    versions |= count_pairs.run(JobRun(profile=profile, run_id="r", versions=versions)).versions
    versions |= measure_pairs.run(JobRun(profile=profile, run_id="r", versions=versions)).versions
    pairs = read_table(spark, profile, "item_pairs", versions["item_pairs"])
    names = {(row["kind"], row["id"]) for row in read_table(spark, profile, "holdout", versions["holdout"]).collect()}
    cold = {name for kind, name in names if kind == "item"}
    tested = {frozenset(name.split("|")[1:]) for kind, name in names if kind == "edge"}
    evaluation = pairs.where("graph = 'evaluation'").collect()
    assert cold
    assert tested
    assert not any({row["src"], row["dst"]} & cold for row in evaluation)
    assert not any(frozenset((row["src"], row["dst"])) in tested for row in evaluation if row["relation"] == "also_viewed")
    days = {int(row["dst"][1:]) for row in evaluation if row["relation"] == "co_purchase"} | {0}
    assert max(days) <= 14  # baskets 14 to 19 are the last 30%, and basket 13 holds i14
