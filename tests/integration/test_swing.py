"""Swing against a naive sum over pairs of users, its bounds, and what it says of noise."""

import math
import random
from collections import defaultdict
from itertools import combinations
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession

from spark_jobs import swing as swing_module
from spark_jobs.swing import Config, group_units, left_out, split_batch, swing

pytestmark = pytest.mark.spark

Units = dict[str, frozenset[str]]
Pair = tuple[str, str]
HISTORIES = st.dictionaries(st.text("uvwxyz", min_size=1, max_size=3), st.frozensets(st.sampled_from("abcdefgh"), max_size=6), max_size=12)


def naive_swing(units: Units, alpha: float = 1.0) -> dict[Pair, float]:
    """Return the scores as the formula has them, pair of users by pair of users."""
    scores: dict[Pair, float] = defaultdict(float)
    for u, v in combinations(sorted(units), 2):
        shared = sorted(units[u] & units[v])
        for pair in combinations(shared, 2):
            scores[pair] += 1 / math.sqrt(len(units[u]) * len(units[v])) / (alpha + len(shared))
    return scores


def frame_of(spark: SparkSession, units: Units, relation: str = "co_view") -> DataFrame:
    rows = [(relation, unit, sorted(items)) for unit, items in units.items()]
    return spark.createDataFrame(rows, "relation string, unit string, items array<string>")


def scored(units: DataFrame, **config: Any) -> dict[Pair, float]:
    rows = swing(units, Config(**config)).collect()
    found = {(row["src"], row["dst"]): row["swing"] for row in rows}
    assert len(found) == len(rows)
    return found


def random_units(seed: int, users: int, items: int, size: int) -> Units:
    rng = random.Random(seed)  # noqa: S311 - a test's history, no secret
    return {f"u{u}": frozenset(f"i{min(int(rng.expovariate(4) * items), items - 1):02}" for _ in range(size)) for u in range(users)}


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(units=HISTORIES, alpha=st.sampled_from([0.5, 1.0, 5.0]))
def test_scores_equal_the_sum_over_pairs_of_users(spark: SparkSession, units: Units, alpha: float) -> None:
    assert scored(frame_of(spark, units), alpha=alpha) == pytest.approx(naive_swing(units, alpha))


def test_scores_hold_where_batches_are_cut_into_single_items(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    units = random_units(3, users=60, items=30, size=8)
    monkeypatch.setattr(swing_module, "MAX_PRODUCTS", 1)
    assert scored(frame_of(spark, units)) == pytest.approx(naive_swing(units))


def test_relations_do_not_mix(spark: SparkSession) -> None:
    bought: Units = {"u": frozenset("ab"), "v": frozenset("ab")}
    seen: Units = {"u": frozenset("bc"), "v": frozenset("bc")}
    rows = swing(frame_of(spark, bought, "co_purchase").unionByName(frame_of(spark, seen)), Config()).collect()
    assert sorted((row["relation"], row["src"], row["dst"]) for row in rows) == [("co_purchase", "a", "b"), ("co_view", "b", "c")]


def test_one_pair_of_alike_users_counts_for_less_than_many_that_differ(spark: SparkSession) -> None:
    odd = frozenset([*"abcdefgh", "racket", "soap"])
    units: Units = {"odd1": odd, "odd2": odd, **{f"u{k}": frozenset(["racket", "balls", f"own{k}"]) for k in range(5)}}
    found = scored(frame_of(spark, units))
    assert found["balls", "racket"] == pytest.approx(10 * (1 / 3) / (1 + 2))
    assert found["racket", "soap"] == pytest.approx((1 / 10) / (1 + 10))


def test_one_unit_alone_makes_no_edge(spark: SparkSession) -> None:
    assert scored(frame_of(spark, {"u": frozenset("ab"), "v": frozenset("bc"), "w": frozenset("c")})) == {}


def test_no_units_make_no_edges(spark: SparkSession) -> None:
    assert scored(frame_of(spark, {})) == {}


def test_a_pair_whose_rarer_item_is_below_the_cap_is_exact_however_popular_the_other(spark: SparkSession) -> None:
    units = random_units(5, users=300, items=40, size=6) | {f"bag{k}": frozenset(["bag", f"i{k % 40:02}"]) for k in range(200)}
    holders: dict[str, int] = defaultdict(int)
    for items in units.values():
        for item in items:
            holders[item] += 1
    found, naive = scored(frame_of(spark, units), max_units=60), naive_swing(units)
    exact = {pair for pair in naive if min(holders[item] for item in pair) <= 60}
    assert any("bag" in pair for pair in exact)
    assert {pair: found[pair] for pair in exact} == pytest.approx({pair: naive[pair] for pair in exact})
    assert len(exact) < len(naive)


def test_sampling_popular_items_does_not_shift_their_scores(spark: SparkSession) -> None:
    found, wanted = 0.0, 0.0
    for seed in range(8):  # other names, so another sample
        units: Units = {f"{seed}-{k}": frozenset(["bag", "pen", f"own{k % 7}"]) for k in range(400)}
        found += scored(frame_of(spark, units), max_units=80)["bag", "pen"]
        wanted += naive_swing(units)["bag", "pen"]
    assert found == pytest.approx(wanted, rel=0.05)


def test_what_the_bounds_leave_out_is_counted(spark: SparkSession) -> None:
    units: Units = {"all": frozenset(f"i{k}" for k in range(20)), **{f"u{k}": frozenset(["bag", f"i{k % 3}"]) for k in range(100)}}
    row = left_out(frame_of(spark, units), Config(max_units=50, max_items=10)).first()
    assert row is not None
    assert (row["relation"], row["large_units"], row["sampled_items"]) == ("co_view", 1, 1)
    assert 30 <= row["entries_not_drawn"] <= 70


def test_scores_are_equal_to_the_last_bit_however_the_rows_lie(spark: SparkSession) -> None:
    units = frame_of(spark, random_units(11, users=150, items=20, size=7))
    assert scored(units.repartition(1), max_units=40) == scored(units.repartition(5, "unit"), max_units=40)


def test_users_are_units_and_a_basket_stands_for_one_that_is_not_known(spark: SparkSession) -> None:
    schema = "kind string, user_id string, basket_id string, item_id string"
    rows = [("purchase", "x", "1", "a"), ("purchase", "x", "2", "b"), ("purchase", None, "x", "a"), ("view", "x", "3", "c")]
    found = {(row["relation"], row["unit"]): sorted(row["items"]) for row in group_units(spark.createDataFrame(rows, schema)).collect()}
    assert found == {("co_purchase", "user x"): ["a", "b"], ("co_purchase", "basket x"): ["a"], ("co_view", "user x"): ["c"]}


def test_a_batch_is_cut_where_its_work_grows_too_large_and_never_inside_an_item(monkeypatch: pytest.MonkeyPatch) -> None:
    lists = [[[{"item": "a", "counts": True}] * 3] * units for units in (2, 2, 9, 1)]  # work: 12, 12, 243, 3
    batch = pa.RecordBatch.from_pydict({"item": ["p", "q", "r", "s"], "lists": lists})
    monkeypatch.setattr(swing_module, "MAX_PRODUCTS", 30)
    parts = [part.column("item").to_pylist() for part in split_batch(batch)]
    assert parts == [["p", "q"], ["r"], ["s"]]
