"""95% intervals by bootstrap over the unit that was sampled (a basket, a bundle, a query item), never over its cases."""

from dataclasses import dataclass

import numpy as np

from training.dataset import Ints
from training.evaluation.metrics import Values

LEVEL = (2.5, 97.5)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over ``n`` cases with its 95% interval."""

    value: float
    low: float
    high: float
    n: int


def bootstrap(values: Values, units: Ints, *, draws: int, seed: int = 0) -> Estimate:
    """Return the mean of ``values`` (M,) and its interval over ``draws`` resamplings of the ``units`` (M,) that they belong to.

    Units differ in size, so each draw divides the resampled sum by the resampled number of cases. For a paired
    comparison give the differences of two models' values on the same cases.
    """
    if not len(values):
        raise AssertionError("no case to take a mean of")
    _, unit = np.unique(units, return_inverse=True)
    sums, sizes = np.bincount(unit, weights=values), np.bincount(unit).astype(np.float64)
    chosen = np.random.default_rng(seed).multinomial(len(sums), np.full(len(sums), 1 / len(sums)), size=draws)
    means = (chosen @ sums) / (chosen @ sizes)
    low, high = np.percentile(means, LEVEL)
    return Estimate(float(values.mean()), float(low), float(high), len(values))
