"""From repeated timings to estimates with 95% intervals. Times differ by factors, so all of it happens on their logarithms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats
from scipy.optimize import curve_fit

CONFIDENCE = 0.95
FIXED = "fixed"
"""What takes time at any size."""
Floats = npt.NDArray[np.float64]


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


def power_law(sizes: Mapping[str, Sequence[float]], seconds: Sequence[float]) -> dict[str, Estimate]:
    """Return ``FIXED``, in seconds, and each named size's exponent in seconds = fixed + a * size_1^b_1 * size_2^b_2 * ...

    Least squares on the logarithm of seconds; the intervals come from the fit's covariance and Student's distribution. Without a term for
    what any job costs, however small, exponents would say how large that cost is beside the sizes that were measured. Raises
    ``ValueError`` for no more points than there are parameters.
    """
    x, y = np.log(np.array(list(sizes.values()))), np.log(np.asarray(seconds, dtype=np.float64))
    freedom = len(y) - len(x) - 2
    if freedom < 1:
        raise ValueError(f"{len(y)} points cannot tell {len(x) + 2} parameters and their doubt")
    half = float(y.min() - np.log(2))  # the search starts where the fixed cost is half of the shortest time
    middle = x.mean(axis=1, keepdims=True)
    found, covariance = curve_fit(_log_seconds, x - middle, y, p0=[half, half, *[1.0] * len(x)], maxfev=100_000)
    reach = _student(freedom) * np.sqrt(np.diag(covariance))
    value, low, high = np.exp([found[0], found[0] - reach[0], found[0] + reach[0]]).tolist()
    bounds = zip(sizes, found[2:].tolist(), reach[2:].tolist(), strict=True)
    return {FIXED: Estimate(value, low, high, len(y)), **{name: Estimate(b, b - half, b + half, len(y)) for name, b, half in bounds}}


def _log_seconds(x: Floats, fixed: float, scale: float, *exponents: float) -> Floats:
    """Return log(exp(fixed) + exp(scale + sum of b log size)) of the sizes' logarithms (S, P)."""
    found: Floats = np.logaddexp(fixed, scale + np.asarray(exponents) @ x)
    return found


def _student(freedom: int) -> float:
    """Return how many standard errors hold 95% of Student's distribution."""
    return float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom))
