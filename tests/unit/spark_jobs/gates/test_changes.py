"""Figures of change between two versions' counts, and what is said of them."""

import pytest

from goeswith.catalogue import DegreeDrift, Drift, NullRateChange, RowCountChange, find_table
from spark_jobs.gates.changes import explain_change, measure_change
from spark_jobs.gates.statistics import Counts

ITEMS, PAIRS = find_table("items"), find_table("item_pairs")
RELATIONS = RowCountChange(by=("graph", "relation"), low=0.5)


def rows(**parts: int) -> Counts:
    return {("rows", "", ""): sum(parts.values())} | {("rows", part, ""): n for part, n in parts.items()}


def test_rows_are_compared_in_all_or_part_by_part() -> None:
    released, candidate = rows(view=900, purchase=900), rows(view=1900, purchase=900)
    assert measure_change(PAIRS, RowCountChange(low=0.5), released, candidate) == {"": pytest.approx(2900 / 1900)}
    assert measure_change(PAIRS, RELATIONS, released, candidate) == {"view": 2.0, "purchase": 1.0}


def test_a_part_that_is_gone_counts_and_a_new_one_does_not() -> None:
    assert measure_change(PAIRS, RELATIONS, rows(view=99_900), rows(purchase=10)) == {"view": 0.001}


def test_a_handful_of_rows_that_doubles_or_goes_means_nothing() -> None:
    assert measure_change(PAIRS, RELATIONS, rows(view=3), rows(view=12))["view"] < 1.1
    assert measure_change(PAIRS, RELATIONS, rows(view=3), rows())["view"] > 0.9


def test_null_rates_are_compared_in_either_direction_and_not_without_rows() -> None:
    rule = NullRateChange(column="title", most=0.1)
    full, half = ({("rows", "", ""): 10, ("nulls of title", "", ""): nulls} for nulls in (0, 5))
    assert measure_change(ITEMS, rule, full, half) == measure_change(ITEMS, rule, half, full) == {"": 0.5}
    assert measure_change(ITEMS, rule, full, {("rows", "", ""): 0, ("nulls of title", "", ""): 0}) == {}


def test_categories_are_values_and_prices_are_numbers() -> None:
    categories = {("values of category", "", "garden"): 500, ("values of category", "", "10"): 500}
    assert measure_change(ITEMS, Drift(column="category", most=0.25), categories, categories) == {"": 0}
    prices = {("values of price", "", ""): 1000, ("values of price", "", "20"): 1000}
    higher = {("values of price", "", ""): 1000, ("values of price", "", "30"): 1000}
    assert measure_change(ITEMS, Drift(column="price", most=0.25), prices, prices) == {"": 0}
    assert measure_change(ITEMS, Drift(column="price", most=0.25), prices, {}) == {}
    assert measure_change(ITEMS, Drift(column="price", most=0.25), prices, higher)[""] > 5
    assert measure_change(ITEMS, Drift(column="price", most=0.25), higher, prices)[""] > 5


def test_degrees_are_compared_part_by_part() -> None:
    flat = {("degrees", "", ""): 300, ("degrees", "full", "1"): 100, ("degrees", "full", "2"): 100, ("degrees", "test", "1"): 100}
    steep = {**flat, ("degrees", "full", "1"): 5, ("degrees", "full", "9"): 195}
    figures = measure_change(PAIRS, DegreeDrift(by=("graph", "relation"), most=0.25), flat, steep)
    assert figures["test"] == 0
    assert figures["full"] > 0.25


def test_what_changed_is_told_with_before_and_after() -> None:
    assert explain_change(RELATIONS, "view", rows(view=10), rows()) == {"part": "view", "released": 10, "candidate": 0}
    nulls = explain_change(NullRateChange(column="price", most=0.1), "", {("rows", "", ""): 4, ("nulls of price", "", ""): 1}, rows())
    assert nulls == {"released": 0.25, "candidate": None}


def test_the_values_that_moved_most_are_named_first() -> None:
    before = {("values of category", "", name): 100 for name in "abcdefgh"}
    after = {**before, ("values of category", "", "c"): 900, ("values of category", "", "new"): 500}
    moved = explain_change(Drift(column="category", most=0.25), "", before, after)["moved"]
    assert list(moved)[:2] == ["c", "new"]
    assert moved["new"] == [0, pytest.approx(500 / 2100, abs=1e-4)]
    assert len(moved) == 5
