"""Counted and measured pairs against a naive count in Python, with the holdout in and out, and after any history of changes."""

import math
import random
from collections.abc import Sequence
from typing import Any

import pytest
from pyspark.sql import SparkSession

from goeswith import lake
from goeswith.catalogue.graph import GRAPHS
from goeswith.errors import ConfigError
from goeswith.jobs import JobResult, JobRun
from goeswith.profile import Profile
from spark_jobs import count_pairs, measure_pairs
from spark_jobs.pairs import ledger
from spark_jobs.pairs.fold import EVALUATION, FULL
from spark_jobs.pairs.ledger import read_state
from spark_jobs.pairs.relations import CODES
from spark_jobs.tables import merge_table
from tests.naive_pairs import DAY, START, Event, Pair, count, event
from tests.spark_rows import rows_of

pytestmark = pytest.mark.spark

Row = dict[str, Any]
EVERY = {"relations": list(CODES)}


class Shop:
    """A lake with events, a holdout and declared edges that a test changes, counts and reads."""

    def __init__(self, spark: SparkSession, profile: Profile) -> None:
        self.spark, self.profile, self.versions = spark, profile, dict[str, int]()
        self.hold([])
        self.declare([])

    def put(self, events: Sequence[Event]) -> None:
        """Let the table of events hold these and no others."""
        self._write("events", events)

    def hold(self, rows: Sequence[Row]) -> None:
        self._write("holdout", [{"split": "test", "reason": "test", **row} for row in rows])

    def declare(self, rows: Sequence[Row]) -> None:
        self._write("declared_relations", [{"source": "x", **row} for row in rows])

    def _write(self, name: str, rows: Sequence[Row]) -> None:
        frame = rows_of(self.spark, name, rows)
        self.versions[name] = merge_table(self.spark, self.profile, name, frame, run_id="t", job="test", consumed={}, delete_missing=True)

    def count(self, **params: Any) -> JobResult:
        result = count_pairs.run(JobRun(profile=self.profile, run_id="t", versions=self.versions, params=params))
        self.versions |= result.versions
        return result

    def measure(self, **params: Any) -> JobResult:
        result = measure_pairs.run(JobRun(profile=self.profile, run_id="t", versions=self.versions, params=params))
        self.versions |= result.versions
        return result

    def pairs(self, graph: str = FULL) -> dict[Pair, Row]:
        """Return the published rows of a graph."""
        rows = lake.read_table(self.profile, "item_pairs", where={"graph": graph}).to_pylist()
        return {(row["relation"], row["src"], row["dst"]): row for row in rows}

    def counts(self, graph: str = FULL) -> dict[Pair, tuple[int, int, int, int]]:
        return {pair: (row["n"], row["n_src"], row["n_dst"], row["n_total"]) for pair, row in self.pairs(graph).items()}


@pytest.fixture
def shop(spark: SparkSession, profile: Profile) -> Shop:
    return Shop(spark, profile)


def random_history(rng: random.Random) -> list[Event]:
    found: dict[str, Event] = {}
    for basket in range(40):
        kind, day = rng.choice(["purchase", "purchase", "view"]), rng.choice([None, *range(60)])
        user = rng.choice([None, "u1", "u2", "u3", "u4"])
        for _ in range(rng.randint(1, 6)):
            item = f"i{rng.randint(0, 11)}"
            kinds = [kind, "return"] if kind == "purchase" and rng.random() < 0.1 else [kind]
            for each in kinds:
                one = event(f"b{basket}", item, kind=each, user=user, day=day, quantity=rng.choice([1, 1, 1, 2, 0]))
                found[one["event_id"]] = one
    return list(found.values())


def random_holdout(rng: random.Random) -> list[Row]:
    baskets = [{"kind": "basket", "id": f"b{k}"} for k in range(40) if rng.random() < 0.15]
    return [*baskets, *({"kind": "item", "id": f"i{k}"} for k in range(12) if rng.random() < 0.1)]


def assert_exact(shop: Shop, events: list[Event], holdout: list[Row], **limits: int) -> None:
    """Both graphs hold what counting event by event finds."""
    held = frozenset(row["id"] for row in holdout)
    for graph in GRAPHS:
        assert shop.counts(graph) == count(events, held, graph=graph, **limits).rows()


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.long) for seed in (2, 3))])
def test_any_history_of_changes_comes_to_the_same_as_counting_at_once(shop: Shop, seed: int) -> None:
    """New, late, corrected, returned, cancelled and deleted events, another holdout: each step by what changed, each exact."""
    rng = random.Random(seed)  # noqa: S311 - a test's history, no secret
    limits = {"max_basket": 5, "within_days": 10, "window_days": 3}
    every, holdout = random_history(rng), random_holdout(rng)
    events = rng.sample(every, len(every) // 2)
    for step in range(4):
        shop.put(events)
        shop.hold(holdout)
        done = shop.count(**EVERY, **limits)
        assert done.summary["rebuilt"] == ("" if step else "nothing was counted before")
        shop.measure()
        assert_exact(shop, events, holdout, **limits)
        events = change_some(rng, events, every)
        holdout = random_holdout(rng) if rng.random() < 0.5 else holdout
    by_increments = {graph: without_stamp(shop.pairs(graph)) for graph in GRAPHS}
    assert shop.count(rebuild=True, **EVERY, **limits).summary["rebuilt"] == "asked for"
    shop.measure()
    assert {graph: without_stamp(shop.pairs(graph)) for graph in GRAPHS} == by_increments


def change_some(rng: random.Random, events: list[Event], every: list[Event]) -> list[Event]:
    """Delete a tenth, correct the quantity of a tenth, and add half of what has not come yet."""
    known = {e["event_id"] for e in events}
    late = [e for e in every if e["event_id"] not in known and rng.random() < 0.5]
    kept = rng.sample(events, len(events) * 9 // 10)
    return [{**e, "quantity": rng.choice([0, 1, 2])} if rng.random() < 0.1 else e for e in kept] + late


def without_stamp(pairs: dict[Pair, Row]) -> dict[Pair, Row]:
    return {pair: {name: value for name, value in row.items() if name != "updated_at"} for pair, row in pairs.items()}


def test_measures_follow_from_the_counts(shop: Shop) -> None:
    shop.put(
        [event("1", "a", day=0), event("1", "b", day=0), event("2", "a", day=9), event("2", "b", day=9), event("3", "a", day=1), event("4", "c")]
    )
    shop.count()
    shop.measure()
    row = shop.pairs()["co_purchase", "a", "b"]
    assert (row["n"], row["n_src"], row["n_dst"], row["n_total"]) == (2, 3, 2, 4)
    assert row["lift"] == pytest.approx(2 * 4 / (3 * 2))
    assert row["npmi"] == pytest.approx(math.log(2 * 4 / (3 * 2)) / -math.log(2 / 4))
    assert row["lift_low"] == pytest.approx(min(wilson_low(2, 3) * 4 / 2, wilson_low(2, 2) * 4 / 3))
    assert (row["weighted"], row["projection"], row["lag_days"]) == (2.0, pytest.approx(2 / 3), None)


def wilson_low(n: int, of: int, z: float = 1.96) -> float:
    share = n / of
    return (share + z * z / (2 * of) - z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))) / (1 + z * z / of)


def test_each_item_of_a_basket_gives_out_one_in_all(shop: Shop) -> None:
    shop.put([event("1", item) for item in "abcd"] + [event("2", item) for item in "ab"])
    shop.count()
    shop.measure()
    pairs = shop.pairs()
    assert pairs["co_purchase", "a", "b"]["weighted"] == pytest.approx(1 + 1 / 3, abs=1e-6)
    assert sum(row["projection"] for pair, row in pairs.items() if pair[1] == "a") == pytest.approx(1, abs=1e-5)


def test_then_bought_has_a_direction_and_says_how_long_it_took(shop: Shop) -> None:
    bought = [event("1", "racket", user="u", day=0), event("1", "bag", user="u", day=0), event("2", "balls", user="u", day=5)]
    shop.put([*bought, event("3", "racket", user="v", day=0), event("4", "balls", user="v", day=11), event("5", "grip", user="v", day=200)])
    shop.count()
    shop.measure()
    found = {pair[1:]: row for pair, row in shop.pairs().items() if pair[0] == "then_bought"}
    assert found.keys() == {("racket", "balls"), ("bag", "balls")}
    assert (found["racket", "balls"]["n"], found["racket", "balls"]["lag_days"]) == (2, 8.0)


def test_seasons_decay_and_times_come_from_the_months(shop: Shop) -> None:
    days = (0, 31, 366, 366 + 31)  # January and February of two years
    shop.put([event(f"b{day}", item, day=day) for day in days for item in ("a", "b")])
    shop.count()
    shop.measure(half_life_days=365.25)
    row = shop.pairs()["co_purchase", "a", "b"]
    assert row["season"] == [0.5, 0.5, *[0.0] * 10]
    assert row["decayed"] == pytest.approx(1 + 2 ** (-1 / 12) + 2**-1 + 2 ** (-13 / 12))
    assert (row["first_seen"], row["last_seen"]) == (START, START + days[-1] * DAY)
    assert row["known_at"] == row["last_seen"]


def test_no_pair_is_known_before_its_last_meeting_nor_after_the_newest_event_of_its_graph(shop: Shop) -> None:
    shop.put([event(f"b{day}", item, day=day) for day in (0, 10, 40) for item in ("a", "b")])
    shop.hold([{"kind": "basket", "id": "b40"}])
    shop.count()
    shop.measure()
    known = {graph: shop.pairs(graph)["co_purchase", "a", "b"]["known_at"] for graph in GRAPHS}
    assert known == {FULL: START + 40 * DAY, EVALUATION: START + 10 * DAY}


def test_without_times_pairs_are_known_since_the_epoch_and_have_no_season(shop: Shop) -> None:
    shop.put([event("1", "a"), event("1", "b")])
    shop.count()
    shop.measure()
    row = shop.pairs()["co_purchase", "a", "b"]
    assert row["decayed"] is row["season"] is row["first_seen"] is row["last_seen"] is None
    assert (row["npmi"], row["known_at"].year) == (1.0, 1970)


def test_swing_stands_beside_the_counts_without_what_is_held(shop: Shop) -> None:
    shop.put([event(f"b{user}", item, user=user) for user in ("u", "v", "w") for item in "ab"])
    shop.hold([{"kind": "basket", "id": "bw"}])
    shop.count()
    shop.measure()
    each = 1 / 2 / (1 + 2)  # two users of two items each, who share both
    assert [shop.pairs(graph)["co_purchase", "a", "b"]["swing"] for graph in (FULL, EVALUATION)] == pytest.approx([3 * each, each])
    shop.measure(swing=False)
    assert shop.pairs()["co_purchase", "a", "b"]["swing"] is None


def test_clean_labels_need_views_to_mean_anything(shop: Shop) -> None:
    bought = [event(basket, item) for basket, items in (("1", "ab"), ("2", "cd")) for item in items]
    shop.put(bought)
    shop.count()
    shop.measure()
    assert {row["clean"] for row in shop.pairs().values()} == {None}
    shop.put([*bought, *(event(basket, item, kind="view") for basket, items in (("v1", "ab"), ("v2", "ef")) for item in items)])
    shop.count()
    shop.measure()
    labels = {pair: row["clean"] for pair, row in shop.pairs().items()}
    assert labels == {
        ("co_purchase", "a", "b"): False,
        ("co_purchase", "c", "d"): True,
        ("co_view", "a", "b"): False,
        ("co_view", "e", "f"): True,
    }


def test_baskets_larger_than_the_limit_are_left_out_and_said(shop: Shop) -> None:
    huge = [event("huge", f"i{k}") for k in range(200)]
    shop.put([*huge, event("small", "i1"), event("small", "i2")])
    shop.count()
    assert shop.measure().summary["left_out"] == {"co_purchase": {"n": 1, "largest": 200, "meetings": 200 * 199 // 2}}
    assert shop.counts() == {("co_purchase", "i1", "i2"): (1, 1, 1, 1)}
    shop.put(huge[:60])
    shop.count()
    assert shop.measure().summary["left_out"] == {"co_purchase": {"n": 0, "largest": 0, "meetings": 0}}


def test_declared_edges_stand_as_declared_and_a_reserved_one_leaves_evaluation_in_both_directions(shop: Shop) -> None:
    edges = [("a", "b"), ("b", "a"), ("b", "c"), ("cold", "c")]
    shop.put([])
    shop.declare([{"kind": "also_viewed", "src": s, "dst": d} for s, d in edges])
    shop.hold([{"kind": "edge", "id": "also_viewed|b|a"}, {"kind": "item", "id": "cold"}])
    shop.count()
    shop.measure()
    assert {pair[1:] for pair in shop.pairs()} == set(edges)
    assert {pair[1:] for pair in shop.pairs(EVALUATION)} == {("b", "c")}
    assert shop.pairs()["also_viewed", "a", "b"]["n"] is None


def test_counting_and_measuring_again_write_nothing(shop: Shop) -> None:
    shop.put(random_history(random.Random(3)))  # noqa: S311 - a test's history, no secret
    first = shop.count(), shop.measure()
    again = shop.count(), shop.measure()
    assert [result.versions for result in again] == [result.versions for result in first]
    assert again[1].summary == first[1].summary


def test_rare_pairs_can_be_left_out_of_what_is_published(shop: Shop) -> None:
    shop.put([event(basket, item) for basket, items in (("1", "ab"), ("2", "abc")) for item in items])
    shop.count()
    shop.measure(min_count=2)
    assert shop.counts() == {("co_purchase", "a", "b"): (2, 2, 2, 2)}


def test_a_full_ledger_is_folded_into_one_batch_and_goes_on(shop: Shop) -> None:
    events = [event(f"b{k}", item) for k in range(4) for item in "ab"]
    for k in range(1, 5):
        shop.put(events[: 2 * k])
        shop.count(fold_after=2)
    state = read_state(shop.profile)
    assert state is not None
    assert state.batch == 1
    shop.measure()
    assert shop.counts() == {("co_purchase", "a", "b"): (4, 4, 4, 4)}


def test_other_settings_and_an_older_version_are_counted_anew_and_said(shop: Shop) -> None:
    shop.put([event("1", "a"), event("1", "b")])
    older = shop.versions["events"]
    shop.count()
    shop.put([event(basket, item) for basket in "12" for item in "ab"])
    assert shop.count().summary["rebuilt"] == ""
    assert shop.count(max_basket=50).summary["rebuilt"] == "the settings changed"
    shop.versions["events"] = older
    assert "older than what was counted" in shop.count(max_basket=50).summary["rebuilt"]
    shop.measure()
    assert shop.counts() == {("co_purchase", "a", "b"): (1, 1, 1, 1)}


def test_a_run_that_dies_between_two_commits_is_made_good_by_the_next(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Item numbers are written, the batch is not; then the batch is, and the job dies before it says so."""
    shop.put([event("1", "a"), event("1", "b")])
    shop.count()
    shop.put([event("1", "a"), event("1", "b"), event("2", "a"), event("2", "new")])
    whole = ledger.write_batch
    for before in (True, False):
        with monkeypatch.context() as patch:
            patch.setattr(count_pairs, "write_batch", lambda *args, first=before, **kw: die(whole, first, *args, **kw))
            with pytest.raises(KeyboardInterrupt):
                shop.count()
    shop.count()
    shop.measure()
    assert shop.counts() == {("co_purchase", "a", "b"): (1, 2, 1, 2), ("co_purchase", "a", "new"): (1, 2, 1, 2)}


def test_of_two_processes_that_count_at_once_one_counts(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.put([event("1", "a"), event("1", "b")])
    shop.count()
    shop.put([event(basket, item) for basket in "12" for item in ("a", "b", "new")])
    whole = ledger.write_batch

    def let_another_be_first(*args: Any, **named: Any) -> int:
        monkeypatch.undo()
        shop.count()
        return whole(*args, **named)

    monkeypatch.setattr(count_pairs, "write_batch", let_another_be_first)
    shop.count()
    shop.measure()
    assert shop.counts()["co_purchase", "a", "b"] == (2, 2, 2, 2)
    numbers = lake.read_table(shop.profile, "item_numbers")["number"].to_pylist()
    assert len(set(numbers)) == len(numbers) == 3


def die(whole: Any, first: bool, *args: Any, **named: Any) -> None:
    if not first:
        whole(*args, **named)
    raise KeyboardInterrupt


def test_an_unknown_relation_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="'co_steal'"):
        count_pairs.read_config({"relations": ["co_steal"]})
