"""The population stability index: nothing for the same population, much for another, and the published formula in between."""

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goeswith.drift.psi import drift_of_numbers, drift_of_values, psi, stability_index

counts = st.lists(st.integers(0, 10_000), min_size=2, max_size=30)
histograms = st.dictionaries(st.integers(-50, 50).map(str), st.integers(1, 10_000), min_size=1, max_size=40)


def told(figure: float | None) -> float:
    assert figure is not None
    return figure


def test_it_is_the_published_sum_less_what_chance_gives() -> None:
    before, after = [500, 500], [400, 600]
    published = (0.4 - 0.5) * math.log(0.4 / 0.5) + (0.6 - 0.5) * math.log(0.6 / 0.5)
    assert psi(before, after) == pytest.approx(published - (1 / 1000 + 1 / 1000))


@given(counts)
def test_the_same_counts_do_not_drift(same: list[int]) -> None:
    assert psi(same, same) == (0 if sum(same) else None)


@given(counts.flatmap(lambda before: st.tuples(st.just(before), st.lists(st.integers(0, 10_000), min_size=len(before), max_size=len(before)))))
def test_it_is_finite_never_negative_and_the_same_both_ways(pair: tuple[list[int], list[int]]) -> None:
    before, after = pair
    found = psi(before, after)
    assert found == pytest.approx(psi(after, before))
    assert found is None or 0 <= found < math.inf


@given(counts, st.integers(2, 50))
def test_the_published_sum_does_not_depend_on_how_many_were_counted(before: list[int], times: int) -> None:
    after = before[::-1]
    assert stability_index(before, [times * n for n in after]) == pytest.approx(stability_index(before, after))


def test_two_small_samples_of_one_population_do_not_look_restless() -> None:
    rng = Random(0)  # noqa: S311 - a simulation
    found = [psi(*([sum(rng.random() < 0.1 for _ in range(60)) for _ in range(10)] for _ in range(2))) for _ in range(200)]
    assert sum(figure is not None and figure > 0.25 for figure in found) < 20


@given(histograms, histograms)
def test_numbers_are_all_counted_wherever_they_lie(before: dict[str, int], after: dict[str, int]) -> None:
    assert drift_of_numbers(before, before) == 0
    assert drift_of_numbers(before, after) is not None


def test_prices_a_hundred_times_as_high_are_another_population() -> None:
    before = {str(b): 1000 for b in range(20, 40)}
    moved = {str(int(b) + 53): n for b, n in before.items()}
    shifted = {str(int(b) + 1): n for b, n in before.items()}
    assert told(drift_of_numbers(before, moved)) > 5
    assert told(drift_of_numbers(before, shifted)) < 0.25


def test_a_shop_with_one_price_that_changes_drifts_up_and_down() -> None:
    assert told(drift_of_numbers({"20": 1000}, {"21": 1000})) > 5
    assert told(drift_of_numbers({"20": 1000}, {"19": 1000})) > 5


def test_a_few_numbers_beyond_all_earlier_ones_are_no_drift() -> None:
    before = {str(b): 1000 for b in range(20)}
    assert told(drift_of_numbers(before, {**before, "-40": 20, "60": 20})) < 0.05


def test_one_number_that_half_of_all_rows_hold_makes_a_range_of_its_own() -> None:
    before = {"0": 5000, **{str(b): 100 for b in range(1, 51)}}
    after = {"0": 500, **{str(b): 190 for b in range(1, 51)}}
    assert told(drift_of_numbers(before, after)) > 0.25


def test_a_new_category_counts_with_all_rare_ones() -> None:
    before = {"garden": 6000, "kitchen": 4000}
    assert drift_of_values(before, {"garden": 6000, "kitchen": 4000, "pets": 20}) == pytest.approx(0, abs=0.02)
    assert told(drift_of_values(before, {"pets": 10_000})) > 5


def test_nothing_to_compare_has_no_figure() -> None:
    assert drift_of_values({}, {"a": 1}) is None
    assert drift_of_numbers({"1": 1}, {}) is None
