"""Intervals hold as often as they say, where a unit's answers go together; sums are all that is kept."""

import math

import numpy as np
import pytest

from goeswith.experiments.estimates import Interval, Rate, Sums, always_width, compare, sample_ratio_p

RUNS = 1_000


def draw(rng: np.random.Generator, num_units: int, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Return clicks and answers of units that differ in both: one who likes to click also asks more often."""
    liking = rng.gamma(2.0, 0.5, num_units)
    answers = 1 + rng.poisson(3 * liking)
    return rng.binomial(answers, np.minimum(1.0, rate * liking)).astype(float), answers.astype(float)


def rate_of(clicks: np.ndarray, answers: np.ndarray) -> Rate:
    sums = Sums(1)
    sums.add(np.zeros(len(clicks), np.int64), clicks, answers)
    return sums.rate(0)


def bounds(interval: Interval) -> tuple[float, float]:
    assert interval.low is not None
    assert interval.high is not None
    return interval.low, interval.high


def is_outside(value: float, interval: Interval) -> bool:
    low, high = bounds(interval)
    return not low <= value <= high


def truth(rate: float) -> float:
    clicks, answers = draw(np.random.default_rng(99), 1_000_000, rate)
    return float(clicks.sum() / answers.sum())


def test_intervals_of_clustered_differences_hold_95_times_of_100_and_those_that_take_answers_as_independent_do_not() -> None:
    rng, held, naive, changes = np.random.default_rng(1), 0, 0, 0
    low, high = truth(0.1), truth(0.12)
    for _ in range(RUNS):
        control, arm = (rate_of(*draw(rng, 400, rate)) for rate in (0.1, 0.12))
        uplift = compare(arm, control)
        assert uplift.difference.value is not None
        held += not is_outside(high - low, uplift.difference)
        changes += not is_outside(high / low - 1, uplift.change)
        half = 1.96 * math.sqrt(sum(r.y / r.x * (1 - r.y / r.x) / r.x for r in (arm, control)))
        naive += abs(uplift.difference.value - (high - low)) <= half
    assert held / RUNS == pytest.approx(0.95, abs=0.02)
    assert changes / RUNS == pytest.approx(0.95, abs=0.02)
    assert naive / RUNS < 0.92


def test_looking_twenty_times_breaks_the_interval_for_one_look_and_not_the_one_for_any() -> None:
    rng, once, always = np.random.default_rng(2), 0, 0
    looks = np.unique(np.geomspace(200, 20_000, 20).astype(int))
    for _ in range(400):
        arms = [draw(rng, 10_000, 0.1) for _ in range(2)]
        seen = [compare(*(rate_of(clicks[: n // 2], answers[: n // 2]) for clicks, answers in arms)) for n in looks]
        once += any(is_outside(0.0, uplift.difference) for uplift in seen)
        always += any(is_outside(0.0, uplift.always) for uplift in seen)
    assert once / 400 > 0.15
    assert always / 400 <= 0.05


def test_the_interval_for_any_look_is_wider_and_not_endlessly_so() -> None:
    widths = [always_width(units) for units in (100, 1_000, 10_000, 100_000, 10_000_000)]
    assert min(widths) > 1.96
    assert always_width(10_000) < 3.5
    assert max(widths[1:]) < 6


def test_sums_of_pieces_are_those_of_the_whole_and_groups_keep_apart() -> None:
    rng = np.random.default_rng(3)
    clicks, answers = draw(rng, 1_000, 0.1)
    whole, pieces = Sums(2), Sums(2)
    groups = rng.integers(0, 2, 1_000)
    whole.add(groups, clicks, answers)
    for part in np.array_split(np.arange(1_000), 7):
        pieces.add(groups[part], clicks[part], answers[part])
    for group in (0, 1):
        alone = rate_of(clicks[groups == group], answers[groups == group])
        for found in (whole.rate(group), pieces.rate(group)):
            assert (found.units, found.y, found.x) == (alone.units, alone.y, alone.x)
            assert found.variance == pytest.approx(alone.variance)
    assert whole.every(1, 0).units == 1_000


def test_a_rate_without_spread_is_sure_and_one_of_a_single_unit_says_nothing() -> None:
    assert rate_of(np.array([1.0, 2.0]), np.array([2.0, 4.0])).interval().high == 0.5
    one = rate_of(np.array([1.0]), np.array([2.0]))
    assert (one.interval().value, one.interval().low) == (0.5, None)
    assert compare(one, one).difference.value is None
    assert rate_of(np.array([]), np.array([])).value is None


def test_several_arms_have_wider_intervals() -> None:
    rng = np.random.default_rng(4)
    arm, control = (rate_of(*draw(rng, 400, 0.1)) for _ in range(2))
    alone, beside = compare(arm, control).difference, compare(arm, control, comparisons=3).difference
    assert bounds(beside)[1] > bounds(alone)[1]


@pytest.mark.parametrize(
    ("units", "shares", "suspect"), [([20_000, 19_200], [0.5, 0.5], True), ([5_000, 4_950], [0.5, 0.5], False), ([900, 100], [0.9, 0.1], False)]
)
def test_units_that_are_missing_from_an_arm_are_noticed(units: list[int], shares: list[float], suspect: bool) -> None:
    assert (sample_ratio_p(units, shares) < 0.001) == suspect


def test_units_that_are_assigned_as_they_should_be_hardly_ever_raise_suspicion() -> None:
    drawn = np.random.default_rng(5).binomial(10_000, 0.5, 2_000)
    suspected = sum(sample_ratio_p([int(n), 10_000 - int(n)], [0.5, 0.5]) < 0.001 for n in drawn)
    assert suspected <= 8
