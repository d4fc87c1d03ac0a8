"""Counted pairs against a naive count in Python, with the holdout in and out."""

import math
import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import combinations, product
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from goeswith import lake
from goeswith.catalogue import find_table
from goeswith.jobs import JobRun
from goeswith.profile import Profile
from spark_jobs import count_pairs
from spark_jobs.association import ANCHOR_S, EVALUATION, FIXED_POINT, FULL, HALF_LIFE_S
from spark_jobs.count_pairs import Config, build_pairs, build_units
from spark_jobs.tables import fit_frame, merge_table, spark_schema

pytestmark = pytest.mark.spark

DAY = timedelta(days=1)
START = datetime(2024, 1, 1, tzinfo=UTC)
Event = dict[str, Any]
Key = tuple[str, str, str]


def rows_of(spark: SparkSession, name: str, rows: Iterable[dict[str, Any]]) -> DataFrame:
    """Return rows of a catalogue table; ``updated_at`` is left to the writer."""
    table = find_table(name)
    columns = [column for column in table.columns if column != "updated_at"]
    return spark.createDataFrame([tuple(row.get(column) for column in columns) for row in rows], spark_schema(table, columns))


def event(basket: str, item: str, *, kind: str = "purchase", user: str | None = None, day: int | None = None) -> Event:
    at = None if day is None else START + day * DAY
    name = f"{kind}-{basket}-{item}-{day}"
    return {"event_id": name, "basket_id": basket, "item_id": item, "kind": kind, "user_id": user, "quantity": 1, "happened_at": at}


def counted(
    spark: SparkSession,
    events: list[Event],
    holdout: Sequence[dict[str, str]] = (),
    declared: Sequence[dict[str, str]] = (),
    **config: int,
) -> dict[str, dict[Key, dict[str, Any]]]:
    """Count and return {graph: {(relation, src, dst): row}}."""
    chosen = Config(**config)
    held = rows_of(spark, "holdout", [{"split": "test", "reason": "test", **row} for row in holdout])
    units, _ = build_units(rows_of(spark, "events", events), held, chosen)
    pairs = fit_frame(find_table("item_pairs"), build_pairs(units, rows_of(spark, "declared_relations", declared), held, chosen))
    found: dict[str, dict[Key, dict[str, Any]]] = {FULL: {}, EVALUATION: {}}
    for row in pairs.collect():
        found[row["graph"]][row["relation"], row["src"], row["dst"]] = row.asDict()
    return found


def naive_counts(events: list[Event], held: set[str], *, max_basket: int, within_days: int) -> dict[Key, tuple[int, int, int, int]]:
    """Return {(relation, src, dst): (n, n_src, n_dst, n_total)} the slow way."""
    kept = [e for e in events if e["basket_id"] not in held and e["item_id"] not in held]
    counts: dict[Key, tuple[int, int, int, int]] = {}
    for relation, kind in (("co_purchase", "purchase"), ("co_view", "view")):
        baskets = grouped(kept, kind, "basket_id", events, max_basket)
        met = [pair for items in baskets for pair in combinations(sorted(items), 2)]
        counts |= with_margins(relation, met, baskets)
    timed = [e for e in kept if e["user_id"] and e["happened_at"]]
    users = grouped(timed, "purchase", "user_id", events, 10**9)
    bought = defaultdict(list)
    for e in timed:
        if e["kind"] == "purchase":
            bought[e["user_id"]].append(e)
    followed = [
        pair
        for mine in bought.values()
        for pair in sorted({(a["item_id"], b["item_id"]) for a, b in product(mine, mine) if follows(a, b, within_days)})
    ]
    return counts | with_margins("then_bought", followed, users)


def follows(a: Event, b: Event, within_days: int) -> bool:
    gap: timedelta = b["happened_at"] - a["happened_at"]
    apart = a["item_id"] != b["item_id"] and a["basket_id"] != b["basket_id"]
    return apart and timedelta() < gap <= within_days * DAY


def grouped(kept: list[Event], kind: str, by: str, every: list[Event], max_basket: int) -> list[set[str]]:
    whole, mine = defaultdict(set), defaultdict(set)
    for e in every:
        if e["kind"] == kind:
            whole[e[by]].add(e["item_id"])
    for e in kept:
        if e["kind"] == kind:
            mine[e[by]].add(e["item_id"])
    return [items for name, items in mine.items() if len(whole[name]) <= max_basket]


def with_margins(relation: str, met: list[tuple[str, str]], units: list[set[str]]) -> dict[Key, tuple[int, int, int, int]]:
    holds: dict[str, int] = defaultdict(int)
    for items in units:
        for item in items:
            holds[item] += 1
    n: dict[tuple[str, str], int] = defaultdict(int)
    for pair in met:
        n[pair] += 1
    return {(relation, a, b): (times, holds[a], holds[b], len(units)) for (a, b), times in n.items()}


def random_history(seed: int) -> list[Event]:
    rng = random.Random(seed)  # noqa: S311 - a test's history, no secret
    found: dict[str, Event] = {}
    for basket in range(60):
        kind, day = rng.choice(["purchase", "purchase", "view"]), rng.choice([None, *range(40)])
        user = rng.choice([None, "u1", "u2", "u3", "u4"])
        for _ in range(rng.randint(1, 6)):
            one = event(f"b{basket}", f"i{rng.randint(0, 11)}", kind=kind, user=user, day=day)
            found[one["event_id"]] = one
    return list(found.values())


@pytest.mark.parametrize("seed", [1, 2])
def test_counts_equal_a_naive_count_in_both_graphs(spark: SparkSession, seed: int) -> None:
    events = random_history(seed)
    holdout = [{"kind": "basket", "id": f"b{k}"} for k in range(0, 60, 7)] + [{"kind": "item", "id": "i3"}]
    found = counted(spark, events, holdout, max_basket=5, within_days=10)
    for graph, held in ((FULL, set[str]()), (EVALUATION, {row["id"] for row in holdout})):
        got = {key: (row["n"], row["n_src"], row["n_dst"], row["n_total"]) for key, row in found[graph].items()}
        assert got == naive_counts(events, held, max_basket=5, within_days=10)


def test_then_bought_has_a_direction_and_needs_a_later_basket(spark: SparkSession) -> None:
    events = [event("1", "racket", user="u", day=0), event("1", "bag", user="u", day=0), event("2", "balls", user="u", day=5)]
    events += [event("3", "racket", user="v", day=0), event("4", "balls", user="v", day=200)]
    pairs = {key[1:] for key in counted(spark, events)[FULL] if key[0] == "then_bought"}
    assert pairs == {("racket", "balls"), ("bag", "balls")}


def test_npmi_lift_and_times_follow_from_the_counts(spark: SparkSession) -> None:
    events = [
        event("1", "a", day=0),
        event("1", "b", day=0),
        event("2", "a", day=9),
        event("2", "b", day=9),
        event("3", "a", day=1),
        event("4", "c", day=1),
    ]
    row = counted(spark, events)[FULL]["co_purchase", "a", "b"]
    assert (row["n"], row["n_src"], row["n_dst"], row["n_total"]) == (2, 3, 2, 4)
    assert row["lift"] == pytest.approx(2 * 4 / (3 * 2))
    assert row["npmi"] == pytest.approx(math.log(2 * 4 / (3 * 2)) / -math.log(2 / 4))
    weights = [2 ** (((START + d * DAY).timestamp() - ANCHOR_S) / HALF_LIFE_S) * FIXED_POINT for d in (0, 9)]
    assert row["decayed"] == sum(map(math.floor, weights))
    assert row["last_seen"] - row["first_seen"] == 9 * DAY
    assert row["known_at"] == row["last_seen"]


def test_decayed_counts_add_up_over_any_cut_of_the_history(spark: SparkSession) -> None:
    events = [e for k in range(6) for e in (event(f"b{k}", "a", day=k * 50), event(f"b{k}", "b", day=k * 50))]
    key = ("co_purchase", "a", "b")
    whole, early, late = (counted(spark, part)[FULL][key]["decayed"] for part in (events, events[:6], events[6:]))
    assert early + late == whole
    assert late > early


def test_baskets_larger_than_the_limit_are_left_out_and_said(spark: SparkSession) -> None:
    events = [event("huge", f"i{k}") for k in range(200)] + [event("small", "i1"), event("small", "i2")]
    units, left_out = build_units(rows_of(spark, "events", events), rows_of(spark, "holdout", []), Config(max_basket=60))
    assert [tuple(row) for row in left_out.collect()] == [("co_purchase", "huge", 200)]
    pairs = build_pairs(units, rows_of(spark, "declared_relations", []), rows_of(spark, "holdout", []), Config())
    assert {(row["src"], row["dst"]) for row in pairs.collect()} == {("i1", "i2")}


def test_without_times_pairs_are_known_since_the_epoch_and_have_no_decay(spark: SparkSession) -> None:
    row = counted(spark, [event("1", "a"), event("1", "b")])[FULL]["co_purchase", "a", "b"]
    assert row["decayed"] is row["first_seen"] is row["last_seen"] is None
    assert (row["npmi"], row["known_at"].year) == (1.0, 1970)


def test_declared_edges_stand_as_declared_and_a_reserved_one_leaves_evaluation_in_both_directions(spark: SparkSession) -> None:
    edges = [("a", "b"), ("b", "a"), ("b", "c"), ("cold", "c")]
    declared = [{"kind": "also_viewed", "src": s, "dst": d, "source": "x"} for s, d in edges]
    holdout = [{"kind": "edge", "id": "also_viewed|b|a"}, {"kind": "item", "id": "cold"}]
    found = counted(spark, [], holdout, declared)
    assert {key[1:] for key in found[FULL]} == set(edges)
    assert {key[1:] for key in found[EVALUATION]} == {("b", "c")}
    assert found[FULL]["also_viewed", "a", "b"]["n"] is None


def test_counting_again_writes_nothing(spark: SparkSession, profile: Profile) -> None:
    events = random_history(3)
    sources: dict[str, list[dict[str, Any]]] = {"events": events, "declared_relations": [], "holdout": []}
    versions = {
        name: merge_table(spark, profile, name, rows_of(spark, name, rows), run_id="r", job="test", consumed={}) for name, rows in sources.items()
    }
    job = JobRun(profile=profile, run_id="r", versions=versions)
    first = count_pairs.run(job)
    again = count_pairs.run(job)
    assert again == first
    assert len(lake.open_table(profile, "item_pairs").history()) == 2  # created, merged
    assert first.summary["pairs"][FULL] == first.summary["pairs"][EVALUATION]
