"""Bootstrap intervals."""

import numpy as np
import pytest

from training.dataset import Ints
from training.evaluation.intervals import Estimate, Resampling
from training.evaluation.metrics import Values


def bootstrap(values: Values, units: Ints, *, draws: int, seed: int = 0) -> Estimate:
    return Resampling.of(units, draws=draws, seed=seed).estimate(values)


def test_the_value_is_the_plain_mean_over_cases() -> None:
    found = bootstrap(np.array([1.0, 0.0, 0.5]), np.array([0, 0, 1]), draws=100)
    assert found.value == pytest.approx(0.5)
    assert found.n == 3


def test_the_interval_covers_the_true_mean_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for trial in range(200):
        found = bootstrap((rng.random(300) < 0.3).astype(float), np.arange(300), draws=200, seed=trial)
        covered += found.low <= 0.3 <= found.high
    assert 0.89 <= covered / 200 <= 0.99


def test_cases_of_one_unit_that_agree_widen_the_interval() -> None:
    rng = np.random.default_rng(1)
    values = np.repeat((rng.random(40) < 0.5).astype(float), 10)
    by_unit = bootstrap(values, np.repeat(np.arange(40), 10), draws=500)
    by_case = bootstrap(values, np.arange(400), draws=500)
    assert by_unit.high - by_unit.low > 2 * (by_case.high - by_case.low)


def test_the_same_seed_gives_the_same_interval() -> None:
    values = np.random.default_rng(2).random(50)
    assert bootstrap(values, np.arange(50), draws=100, seed=3) == bootstrap(values, np.arange(50), draws=100, seed=3)


def test_a_paired_difference_is_narrower_than_the_two_it_compares() -> None:
    rng = np.random.default_rng(3)
    hard = rng.random(300)
    one, other = (hard + 0.05 > 0.5).astype(float), (hard > 0.5).astype(float)
    units = np.arange(300)
    paired, alone = bootstrap(one - other, units, draws=300), bootstrap(one, units, draws=300)
    assert paired.low > 0
    assert paired.high - paired.low < alone.high - alone.low


def test_every_estimate_of_one_resampling_uses_the_same_draws() -> None:
    values, units = np.random.default_rng(4).random(60), np.repeat(np.arange(20), 3)
    resampling = Resampling.of(units, draws=100, seed=3)
    first, shifted = resampling.estimate(values), resampling.estimate(values + 1)
    assert first == bootstrap(values, units, draws=100, seed=3)
    assert (shifted.low, shifted.high) == pytest.approx((first.low + 1, first.high + 1))


def test_no_case_is_refused() -> None:
    with pytest.raises(AssertionError):
        bootstrap(np.array([]), np.array([], dtype=np.int64), draws=10)
