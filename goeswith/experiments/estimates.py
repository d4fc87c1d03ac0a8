"""Rates and their differences, with units as what varies: a unit's answers and clicks go together, so they are never counted as independent."""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy import stats

ALPHA = 0.05
PLANNED_UNITS = 10_000
"""Units at which the interval that always holds is narrowest beside the one that holds once."""
Floats = npt.NDArray[np.float64]


class Sums:
    """For each of some groups: the number of units, and the sums of y, x, y², x², xy over them. Its size does not grow with the units."""

    def __init__(self, num_groups: int) -> None:
        self._sums = np.zeros((6, num_groups))

    def add(self, groups: npt.NDArray[np.int64], y: Floats, x: Floats) -> None:
        """Add a row a unit: its group, and what it adds to the numerator and to the denominator."""
        terms = (np.ones_like(y), y, x, y * y, x * x, y * x)
        self._sums += np.stack([np.bincount(groups, term, self._sums.shape[1]) for term in terms])

    def rate(self, group: int) -> "Rate":
        """Return the rate of a group."""
        return Rate.of(*(float(value) for value in self._sums[:, group]))

    def every(self, step: int, start: int) -> "Rate":
        """Return the rate of every ``step``-th group from ``start`` on, taken together."""
        return Rate.of(*(float(value) for value in self._sums[:, start::step].sum(axis=1)))


@dataclass(frozen=True, slots=True)
class Interval:
    """A value and where it lies with 95%; None where there is too little to say."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Rate:
    """Σy / Σx over units, and the variance of that (delta method: Deng, Knoblich and Lu, 2018, arXiv 1803.06336)."""

    units: int
    y: float
    x: float
    variance: float
    """NaN below two units."""

    @classmethod
    def of(cls, units: float, y: float, x: float, yy: float, xx: float, xy: float) -> Self:
        """Return the rate behind sums; the variance is that of the residuals y - rate * x."""
        if units < 2 or x <= 0:
            return cls(int(units), y, x, math.nan)
        rate = y / x
        residual = max(0.0, yy - 2 * rate * xy + rate * rate * xx)
        return cls(int(units), y, x, residual / x**2 * units / (units - 1))

    @property
    def value(self) -> float | None:
        """The rate, None of nothing."""
        return self.y / self.x if self.x > 0 else None

    def interval(self) -> Interval:
        """Return the rate with its interval, which does not go below 0."""
        if self.value is None or math.isnan(self.variance):
            return Interval(self.value)
        half = _quantile(ALPHA) * math.sqrt(self.variance)
        return Interval(self.value, max(0.0, self.value - half), self.value + half)


@dataclass(frozen=True, slots=True, kw_only=True)
class Uplift:
    """An arm's rate beside the control's.

    ``difference`` holds for one look that was planned, ``always`` however often, and whenever, somebody looks; ``change`` is the ratio less 1.
    """

    difference: Interval
    always: Interval
    change: Interval


def compare(arm: Rate, control: Rate, *, comparisons: int = 1) -> Uplift:
    """Return an arm's uplift; with several ``comparisons`` the intervals of all hold together (Bonferroni)."""
    alpha = ALPHA / comparisons
    if arm.value is None or control.value is None or math.isnan(arm.variance + control.variance):
        return Uplift(difference=Interval(None), always=Interval(None), change=Interval(None))
    found, error = arm.value - control.value, math.sqrt(arm.variance + control.variance)
    once, always = _quantile(alpha) * error, always_width(arm.units + control.units, alpha) * error
    difference, at_any_time = (Interval(found, found - half, found + half) for half in (once, always))
    return Uplift(difference=difference, always=at_any_time, change=_change(arm, control, alpha))


def _change(arm: Rate, control: Rate, alpha: float) -> Interval:
    """Return the ratio of two rates less 1; its interval is symmetric in the logarithm."""
    if not arm.value or not control.value:
        return Interval(None if not control.value else -1.0)
    ratio = arm.value / control.value
    half = _quantile(alpha) * math.sqrt(arm.variance / arm.value**2 + control.variance / control.value**2)
    return Interval(ratio - 1, ratio * math.exp(-half) - 1, ratio * math.exp(half) - 1)


def always_width(units: int, alpha: float = ALPHA) -> float:
    """Return by how many standard errors a difference may err at any number of units, and never with 1 - ``alpha``.

    An asymptotic confidence sequence: the normal mixture of Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, "Time-uniform central limit theory
    and asymptotic confidence sequences" (arXiv 2103.06476), narrowest about ``PLANNED_UNITS``.
    """
    steep = -2 * math.log(alpha)
    mixed = units * (steep + math.log(steep + 1)) / PLANNED_UNITS
    return math.sqrt(2 * (mixed + 1) / mixed * math.log(math.sqrt(mixed + 1) / alpha))


def sample_ratio_p(units: list[int], shares: list[float]) -> float:
    """Return how likely numbers of units that are at least so far from their shares are, where nothing is wrong (chi-square)."""
    total = sum(units)
    return float(stats.chisquare(units, [share * total for share in shares]).pvalue) if total else 1.0


def _quantile(alpha: float) -> float:
    return float(stats.norm.ppf(1 - alpha / 2))
