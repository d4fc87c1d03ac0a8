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


@dataclass(frozen=True, slots=True)
class Resampling:
    """D draws of U units, drawn once and used for every model and metric on the same cases."""

    unit: Ints
    """(M,) the unit of each case."""
    chosen: Values
    """(D, U) how often each draw holds each unit."""
    sizes: Values
    """(D,) how many cases each draw holds."""

    @classmethod
    def of(cls, units: Ints, *, draws: int, seed: int = 0) -> "Resampling":
        """Draw ``draws`` resamplings of the ``units`` (M,) that M cases belong to. Raises where there is no case."""
        if not len(units):
            raise AssertionError("no case to take a mean of")
        _, unit = np.unique(units, return_inverse=True)
        sizes = np.bincount(unit)
        chosen = np.random.default_rng(seed).multinomial(len(sizes), np.full(len(sizes), 1 / len(sizes)), size=draws).astype(np.float64)
        return cls(unit, chosen, chosen @ sizes)

    def estimate(self, values: Values) -> Estimate:
        """Return the mean of ``values`` (M,) and its interval.

        Units differ in size, so each draw divides the resampled sum by the resampled number of cases. For a paired
        comparison give the differences of two models' values on the same cases.
        """
        means = (self.chosen @ np.bincount(self.unit, weights=values)) / self.sizes
        low, high = np.percentile(means, LEVEL)
        return Estimate(float(values.mean()), float(low), float(high), len(values))
