"""From repeated timings to estimates with 95% intervals. Times differ by factors, so all of it happens on their logarithms."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value in [``low``, ``high``] (95%; None where too little was measured to tell) from ``n`` measurements."""

    value: float
    low: float | None
    high: float | None
    n: int


def geometric_mean(values: Sequence[float]) -> Estimate:
    """Return the geometric mean of positive values with Student's interval; so the mean of ratios is the ratio of means."""
    if len(values) < 2:
        return Estimate(values[0], None, None, 1)
    if len(set(values)) == 1:  # a count that every run agrees on stays the number that it is
        return Estimate(values[0], values[0], values[0], len(values))
    logs = np.log(np.asarray(values, dtype=np.float64))
    mean = float(logs.mean())
    reach = _student(len(logs) - 1) * float(logs.std(ddof=1)) / len(logs) ** 0.5
    return Estimate(float(np.exp(mean)), float(np.exp(mean - reach)), float(np.exp(mean + reach)), len(logs))


def exponent(sizes: Sequence[float], seconds: Sequence[float]) -> Estimate:
    """Return b of seconds = a * size^b by least squares on both logarithms; the interval needs three points or more."""
    x, y, points = np.log(sizes), np.log(seconds), len(sizes)
    if points < 3:
        return Estimate(float(np.polyfit(x, y, 1)[0]), None, None, points)
    (slope, _), covariance = np.polyfit(x, y, 1, cov=True)
    reach = _student(points - 2) * float(covariance[0, 0]) ** 0.5
    return Estimate(float(slope), float(slope) - reach, float(slope) + reach, points)


def _student(freedom: int) -> float:
    """Return how many standard errors hold 95% of Student's distribution."""
    return float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom))
