"""Item sets against brute force over all subsets, with the holdout in and out, and what bounds them."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain, combinations
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession

from goeswith import lake
from goeswith.errors import ConfigError
from goeswith.jobs import JobRun
from goeswith.profile import Profile
from spark_jobs import count_pairs, measure_pairs, mine_sets
from spark_jobs.frequent_sets import bound_count, keep_closed, mine_bounded, trim_baskets
from spark_jobs.gates import job as gate
from spark_jobs.mine_sets import Config
from spark_jobs.pairs.fold import EVALUATION, FULL
from spark_jobs.tables import merge_table, read_table
from tests.spark_rows import rows_of

pytestmark = pytest.mark.spark

START = datetime(2024, 1, 1, tzinfo=UTC)
Baskets = Sequence[Iterable[str]]
Sets = dict[tuple[str, ...], int]


def brute_force(baskets: Baskets, min_count: int) -> Sets:
    """Return every set of three or more items and its count, the slow way."""
    each = [sorted(set(basket)) for basket in baskets]
    subsets = chain.from_iterable(combinations(items, k) for items in each for k in range(3, len(items) + 1))
    return {items: n for items, n in Counter(subsets).items() if n >= min_count}


def closed_only(sets: Sets) -> Sets:
    return {items: n for items, n in sets.items() if not any(set(items) < set(other) and n == m for other, m in sets.items())}


def frame_of(spark: SparkSession, baskets: Baskets) -> DataFrame:
    return spark.createDataFrame([(str(k), sorted(set(items))) for k, items in enumerate(baskets)], "unit string, items array<string>")


def pairs_of(spark: SparkSession, baskets: Baskets, min_count: int = 1) -> DataFrame:
    counted = Counter(pair for items in baskets for pair in combinations(sorted(set(items)), 2))
    return spark.createDataFrame([(*pair, n) for pair, n in counted.items() if n >= min_count], "src string, dst string, n bigint")


def as_sets(frame: DataFrame) -> Sets:
    rows = frame.collect()
    found = {tuple(row["items"]): row["n"] for row in rows}
    assert len(found) == len(rows)
    return found


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(baskets=st.lists(st.sets(st.sampled_from("abcdefg"), min_size=1, max_size=6), min_size=1, max_size=15), min_count=st.integers(2, 4))
def test_trimmed_baskets_have_the_sets_that_brute_force_finds(spark: SparkSession, baskets: Baskets, min_count: int) -> None:
    trimmed = trim_baskets(frame_of(spark, baskets), pairs_of(spark, baskets, min_count))
    mined = mine_bounded(trimmed, min_count, max_sets=1000)
    wanted = brute_force(baskets, min_count)
    assert mined.min_count == min_count
    assert as_sets(mined.sets) == wanted
    assert as_sets(keep_closed(mined.sets)) == closed_only(wanted)


def test_where_sets_explode_the_count_rises_until_they_are_few_enough(spark: SparkSession) -> None:
    baskets = [[f"i{k:02}" for k in range(30)]] * 5 + [["a", "b", "c"]] * 6  # 2^30 subsets in five baskets
    mined = mine_bounded(frame_of(spark, baskets), min_count=2, max_sets=1000)
    assert mined.min_count == 8
    assert as_sets(mined.sets) == {}
    assert as_sets(mine_bounded(frame_of(spark, baskets), min_count=6, max_sets=1000).sets) == {("a", "b", "c"): 6}


def test_too_many_frequent_pairs_raise_the_count_to_just_where_they_are_few_enough(spark: SparkSession) -> None:
    pairs = spark.createDataFrame([("a", str(k), n) for k, n in enumerate([9, 7, 7, 5, 3, 1])], "src string, dst string, n bigint")
    assert [bound_count(pairs, 3, most) for most in (5, 4, 3, 2, 1)] == [3, 4, 6, 8, 8]
    assert bound_count(pairs.limit(0), 3, 1) == 3


def event_rows(baskets: Baskets, *, timed: bool = True) -> list[dict[str, Any]]:
    """Return events: basket k is bought on day k."""
    return [
        {"event_id": f"{k}-{item}", "basket_id": str(k), "item_id": item, "kind": "purchase", "quantity": 1}
        | {"happened_at": START + k * timedelta(days=1) if timed else None}
        for k, items in enumerate(baskets)
        for item in set(items)
    ]


def mined(spark: SparkSession, baskets: Baskets, held: Sequence[tuple[str, str]] = (), *, timed: bool = True) -> dict[tuple[str, ...], Any]:
    """Mine both graphs without a lake and return {(graph, *items): row}."""
    events = rows_of(spark, "events", event_rows(baskets, timed=timed))
    holdout = rows_of(spark, "holdout", [{"kind": kind, "id": name, "split": "test", "reason": "test"} for kind, name in held])
    whole, _ = mine_sets.build_baskets(events, holdout, 60)
    reserved = {name for kind, name in held if kind == "item"}
    seen = {FULL: baskets, EVALUATION: [set(items) - reserved for k, items in enumerate(baskets) if ("basket", str(k)) not in held]}
    found: dict[tuple[str, ...], Any] = {}
    for graph, counted in seen.items():
        opened = mine_sets.open_baskets(whole, graph)
        sets, _ = mine_sets.mine_graph(opened, pairs_of(spark, counted), Config())
        found |= {(graph, *row["items"]): row for row in mine_sets.describe_sets(sets, opened).collect()}
    return found


def test_the_evaluation_graph_sees_neither_reserved_baskets_nor_reserved_items(spark: SparkSession) -> None:
    baskets = [["a", "b", "c", "d"]] * 3 + [["a", "b", "c"]] * 2 + [["x", "y", "z"]] * 3
    found = mined(spark, baskets, held=[("item", "d"), ("basket", "0"), ("basket", "5")])
    assert {key: row["n"] for key, row in found.items()} == {
        ("full", "a", "b", "c"): 5,
        ("full", "a", "b", "c", "d"): 3,
        ("full", "x", "y", "z"): 3,
        ("evaluation", "a", "b", "c"): 4,
    }
    assert {row["n_total"] for key, row in found.items() if key[0] == "evaluation"} == {6}


def test_a_row_says_how_much_more_often_than_by_chance_and_since_when(spark: SparkSession) -> None:
    baskets = [["a", "b", "c"]] * 3 + [["a"]] * 3 + [["b", "z"]] * 6
    row = mined(spark, baskets)["full", "a", "b", "c"]
    assert (row["size"], row["n"], row["n_total"]) == (3, 3, 12)
    assert row["lift"] == pytest.approx((3 / 12) / (6 / 12 * 9 / 12 * 3 / 12))
    assert row["known_at"] == (START + timedelta(days=11)).replace(tzinfo=None)
    assert row["set_id"] == hashlib.sha256(b'["a","b","c"]').hexdigest()


def test_without_times_sets_are_known_since_the_epoch(spark: SparkSession) -> None:
    found = mined(spark, [["a", "b", "c"]] * 3, timed=False)
    assert {row["known_at"].year for row in found.values()} == {1970}
    assert {row["lift"] for row in found.values()} == {1.0}


def write_shop(spark: SparkSession, profile: Profile, baskets: Baskets) -> JobRun:
    """Write events, an empty holdout and the pairs that count_pairs counts; return the run that mines them."""
    tables: dict[str, list[dict[str, Any]]] = {"events": event_rows(baskets), "holdout": [], "declared_relations": []}
    versions = {n: merge_table(spark, profile, n, rows_of(spark, n, rows), run_id="r", job="test", consumed={}) for n, rows in tables.items()}
    for job in (count_pairs, measure_pairs):
        versions |= job.run(JobRun(profile=profile, run_id="r", versions=versions)).versions
    return JobRun(profile=profile, run_id="r", versions=versions)


def with_params(job: JobRun, **params: int) -> JobRun:
    return JobRun(profile=job.profile, run_id=job.run_id, versions=job.versions, params=params)


def test_a_shop_without_baskets_has_no_sets(spark: SparkSession, profile: Profile) -> None:
    result = mine_sets.run(write_shop(spark, profile, []))
    assert read_table(spark, profile, "item_sets", result.versions["item_sets"]).isEmpty()
    assert result.summary["full"] == {"frequent": 0, "larger": 0, "sets": 0, "min_count": 3}


def test_what_was_left_out_is_said(spark: SparkSession, profile: Profile) -> None:
    baskets = [[f"i{k}" for k in range(6)]] * 3 + [[f"j{k}" for k in range(9)]] * 3
    job = with_params(write_shop(spark, profile, baskets), max_basket=8, max_items=4)
    summary = mine_sets.run(job).summary
    assert summary["left_out"] == {"baskets": 3, "largest": 9}
    assert summary["full"] == {"frequent": 20 + 15 + 6 + 1, "larger": 7, "sets": 15, "min_count": 3}


def test_mining_again_writes_nothing_lost_sets_go_and_the_gate_passes(spark: SparkSession, profile: Profile) -> None:
    job = write_shop(spark, profile, [["a", "b", "c"]] * 3 + [["a", "b", "d"]] * 4)
    first = mine_sets.run(job)
    assert mine_sets.run(job) == first
    assert len(lake.open_table(profile, "item_sets").history()) == 2  # created, merged
    stricter = mine_sets.run(with_params(job, min_count=4)).versions
    left = read_table(spark, profile, "item_sets", stricter["item_sets"]).collect()
    assert sorted((row["graph"], row["items"]) for row in left) == [("evaluation", ["a", "b", "d"]), ("full", ["a", "b", "d"])]
    checked = gate.run(JobRun(profile=profile, run_id="r", versions=stricter, params={"tables": ["item_sets"]}))
    assert checked.summary["tables"]["item_sets"]["decision"] == "pass"


def test_a_size_below_three_is_refused_with_the_legal_parameters(profile: Profile) -> None:
    with pytest.raises(ConfigError, match="max_items"):
        mine_sets.run(JobRun(profile=profile, run_id="r", params={"max_items": 2}))
