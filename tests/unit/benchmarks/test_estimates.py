"""Estimates: exact on known curves, and as wide as what was measured is scattered."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.estimates import exponent, geometric_mean

SIZES = (1.0, 2.0, 4.0, 8.0, 16.0)
times = st.floats(min_value=0.01, max_value=1_000)


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0, 1.37, 2.0])
def test_a_power_law_gives_its_exponent_and_no_doubt(power: float) -> None:
    found = exponent(SIZES, [3.0 * size**power for size in SIZES])
    assert found.value == pytest.approx(power, abs=1e-9)
    assert found.low == pytest.approx(power, abs=1e-6)
    assert found.high == pytest.approx(power, abs=1e-6)
    assert found.n == 5


def test_a_fixed_cost_lowers_the_exponent() -> None:
    assert exponent(SIZES, [10 + size for size in SIZES]).value < 0.5


def test_the_interval_of_a_scattered_power_law_holds_its_exponent_95_times_in_100() -> None:
    rng = np.random.default_rng(7)
    held = 0
    for _ in range(400):
        found = exponent(SIZES, [size**1.2 * np.exp(rng.normal(0, 0.1)) for size in SIZES])
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 1.2 <= found.high
    assert 0.92 <= held / 400 <= 0.98


def test_two_points_give_an_exponent_and_no_interval() -> None:
    found = exponent((1.0, 10.0), (2.0, 20.0))
    assert found.value == pytest.approx(1.0)
    assert (found.low, found.high, found.n) == (None, None, 2)


def test_one_run_has_no_interval() -> None:
    found = geometric_mean([4.2])
    assert (found.value, found.low, found.high, found.n) == (4.2, None, None, 1)


def test_a_count_that_all_runs_agree_on_stays_whole() -> None:
    found = geometric_mean([1_232_171.0] * 3)
    assert (found.value, found.low, found.high, found.n) == (1_232_171.0, 1_232_171.0, 1_232_171.0, 3)


def test_the_interval_of_the_mean_is_students() -> None:
    found = geometric_mean(np.exp([1.0, 2.0, 3.0]).tolist())
    reach = 4.302_652_7 / 3**0.5  # t with 2 degrees of freedom, 97.5%; the logarithms' standard deviation is 1
    assert found.value == pytest.approx(np.exp(2.0))
    assert found.low == pytest.approx(np.exp(2.0 - reach))
    assert found.high == pytest.approx(np.exp(2.0 + reach))


@given(st.lists(st.tuples(times, times), min_size=1, max_size=6))
def test_the_mean_of_ratios_is_the_ratio_of_means(pairs: list[tuple[float, float]]) -> None:
    ours, theirs = ([pair[k] for pair in pairs] for k in (0, 1))
    ratio = geometric_mean([a / b for a, b in pairs]).value
    assert ratio == pytest.approx(geometric_mean(ours).value / geometric_mean(theirs).value)


@given(st.lists(times, min_size=2, max_size=6))
def test_an_interval_holds_its_value(seconds: list[float]) -> None:
    found = geometric_mean(seconds)
    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.value * (1 + 1e-12)
    assert found.value <= found.high * (1 + 1e-12)
