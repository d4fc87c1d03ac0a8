"""An item stands in a basket while more pieces of it were bought than returned; views stand unless they were cancelled."""

import random
from collections import Counter
from typing import Any

import pytest
from pyspark.sql import SparkSession

from spark_jobs.reserve_holdout import Config, build_holdout
from spark_jobs.standing import standing_events
from tests.integration.test_pairs import rows_of
from tests.naive_pairs import event

pytestmark = pytest.mark.spark


def moved(basket: str, item: str, kind: str, quantity: int, name: int = 0) -> dict[str, Any]:
    return {**event(basket, item, kind=kind), "quantity": quantity, "event_id": f"{kind}-{basket}-{item}-{name}"}


def standing(spark: SparkSession, events: list[dict[str, Any]]) -> set[str]:
    return {row["event_id"] for row in standing_events(rows_of(spark, "events", events)).collect()}


def standing_slowly(events: list[dict[str, Any]]) -> set[str]:
    """Return the ids of the events that stand, by the rule as it is said."""
    net: Counter[tuple[str, str]] = Counter()
    for e in events:
        net[e["basket_id"], e["item_id"]] += e["quantity"] * {"purchase": 1, "return": -1, "view": 0}[e["kind"]]
    kept = {e["event_id"] for e in events if e["kind"] == "purchase" and net[e["basket_id"], e["item_id"]] > 0}
    return {e["event_id"] for e in events if e["quantity"] > 0 and (e["kind"] == "view" or e["event_id"] in kept)}


def test_pieces_are_summed_over_all_lines_of_an_item_in_its_basket(spark: SparkSession) -> None:
    two_lines = [moved("b", "pan", "purchase", 1, 1), moved("b", "pan", "purchase", 2, 2)]
    assert standing(spark, [*two_lines, moved("b", "pan", "return", 2)]) == {e["event_id"] for e in two_lines}
    assert standing(spark, [*two_lines, moved("b", "pan", "return", 3)]) == set()


def test_a_return_concerns_its_own_basket_and_item_only_and_never_a_view(spark: SparkSession) -> None:
    others = [moved("b", "lid", "purchase", 1), moved("c", "pan", "purchase", 1), moved("b", "pan", "view", 1)]
    returned = [moved("b", "pan", "purchase", 1), moved("b", "pan", "return", 1)]
    assert standing(spark, [*others, *returned]) == {e["event_id"] for e in others}


def test_a_return_before_its_purchase_or_without_one_changes_nothing_else(spark: SparkSession) -> None:
    assert standing(spark, [moved("b", "pan", "return", 1), moved("b", "lid", "purchase", 1)]) == {"purchase-b-lid-0"}


def test_what_was_cancelled_stands_nowhere_and_a_cancelled_return_takes_nothing(spark: SparkSession) -> None:
    events = [moved("b", "pan", "purchase", 0), moved("b", "lid", "view", 0), moved("b", "pot", "purchase", 1), moved("b", "pot", "return", 0)]
    assert standing(spark, events) == {"purchase-b-pot-0"}


@pytest.mark.parametrize("seed", range(3))
def test_random_histories_stand_as_the_rule_says_in_any_order(spark: SparkSession, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 - a history, no secret
    kinds = ("purchase", "purchase", "return", "view")
    events = [moved(rng.choice("bc"), rng.choice("xyz"), rng.choice(kinds), rng.randint(0, 3), n) for n in range(60)]
    found = standing(spark, events)
    rng.shuffle(events)
    assert found == standing(spark, events) == standing_slowly(events)


def test_without_a_return_nothing_is_joined_or_shuffled(spark: SparkSession) -> None:
    frame = standing_events(rows_of(spark, "events", [moved("b", "pan", "purchase", 1)]))
    plan = str(frame._jdf.queryExecution().executedPlan())
    assert "Join" not in plan
    assert "Exchange" not in plan


def dated(basket: str, items: str, day: int, **more: Any) -> list[dict[str, Any]]:
    return [{**event(basket, item, day=day), **more} for item in items]


def test_a_returned_item_makes_no_basket_of_two_and_a_late_return_moves_no_basket(spark: SparkSession) -> None:
    events = [e for day in range(10) for e in dated(f"b{day}", "xy", day)] + dated("b0", "z", 0)
    late = [{**event("b0", "x", kind="return", day=9), "quantity": 1}]
    nothing = (rows_of(spark, "bundles", []), rows_of(spark, "declared_relations", []))

    def held(rows: list[dict[str, Any]]) -> set[str]:
        return {row["id"] for row in build_holdout(rows_of(spark, "events", rows), *nothing, Config()).collect()}

    assert held([*events, *late]) == held(events) == {"b7", "b8", "b9"}
    returned = [{**event(f"b{day}", "x", kind="return", day=day), "quantity": 1} for day in range(5)]
    assert held([*events, *returned]) == {"b9"}  # of the six baskets of two that are left, what comes after 70%
