"""Estimates: exact on known curves, and as wide as what was measured is scattered."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.estimates import FIXED, Estimate, geometric_mean, power_law

SIZES = (1.0, 2.0, 4.0, 8.0, 16.0)
times = st.floats(min_value=0.01, max_value=1_000)


def cross(events: float = 1.0, size: float = 0.5) -> tuple[dict[str, list[float]], list[float]]:
    """Return points that vary one size at a time, and how long each takes: 10 s, and 2 s times both powers."""
    points = [(n, 4.0) for n in SIZES] + [(4.0, n) for n in SIZES if n != 4.0]
    sizes = {"events": [p[0] for p in points], "size": [p[1] for p in points]}
    return sizes, [10 + 2 * e**events * s**size for e, s in points]


def bounds(found: Estimate) -> tuple[float, float]:
    assert found.low is not None
    assert found.high is not None
    return found.low, found.high


@pytest.mark.parametrize("power", [0.5, 1.0, 1.37, 2.0])
def test_a_power_law_gives_its_exponents_and_fixed_cost_and_no_doubt(power: float) -> None:
    sizes, seconds = cross(events=power)
    found = power_law(sizes, seconds)
    assert found["events"].value == pytest.approx(power, abs=1e-4)
    assert found["size"].value == pytest.approx(0.5, abs=1e-4)
    assert found[FIXED].value == pytest.approx(10, rel=1e-3)
    low, high = bounds(found["events"])
    assert high - low < 1e-2
    assert found["events"].n == 9


def test_the_interval_of_a_scattered_power_law_holds_its_exponent_about_95_times_in_100() -> None:
    rng = np.random.default_rng(7)
    sizes, seconds = cross()
    held = 0
    for _ in range(300):
        low, high = bounds(power_law(sizes, [each * np.exp(rng.normal(0, 0.03)) for each in seconds])["events"])
        held += low <= 1.0 <= high
    assert 0.90 <= held / 300 <= 0.99


def test_as_many_points_as_parameters_tell_no_doubt_and_are_refused() -> None:
    sizes, seconds = cross()
    with pytest.raises(ValueError, match="4 points cannot tell 4 parameters"):
        power_law({name: values[:4] for name, values in sizes.items()}, seconds[:4])


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
