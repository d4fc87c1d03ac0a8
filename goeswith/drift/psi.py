"""The population stability index of two histograms: how far one distribution is from another."""

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence

RANGES = 10
"""Ranges of equal share into which the earlier version's numbers are cut."""
SMALL_SHARE = 0.005
"""Values that a smaller share of the earlier rows holds are compared as one."""
LEAST_SHARE = 1e-4
"""What an empty bin counts as, so that its logarithm is finite."""

Histogram = Mapping[str, int]


def drift_of_numbers(before: Histogram, after: Histogram) -> float | None:
    """Return the index over ranges that hold a tenth of ``before`` each; bins are named by whole numbers, in order."""
    ends = _range_ends(before)
    return psi(_in_ranges(before, ends), _in_ranges(after, ends))


def drift_of_values(before: Histogram, after: Histogram, small_share: float = SMALL_SHARE) -> float | None:
    """Return the index over the values that ``small_share`` of ``before`` or more holds, and all others together."""
    frequent = [value for value, n in before.items() if n >= small_share * sum(before.values())]
    return psi(_frequent_and_rest(before, frequent), _frequent_and_rest(after, frequent))


def psi(before: Sequence[int], after: Sequence[int]) -> float | None:
    """Return ``stability_index`` less what chance gives, and never below 0; None where either is empty.

    Two samples of one population come to (bins - 1)(1/n + 1/m) on average (Yurdakul and Naranjo, 2020, "Statistical properties of the
    population stability index"). That is taken off, so that a small table does not look restless.
    """
    found, n, m = stability_index(before, after), sum(before), sum(after)
    if found is None:
        return None
    bins = sum(bool(b or a) for b, a in zip(before, after, strict=True))
    return max(0.0, found - (bins - 1) * (1 / n + 1 / m))


def stability_index(before: Sequence[int], after: Sequence[int]) -> float | None:
    """Return sum((q - p) ln(q / p)) over the shares p and q of two counts over the same bins; None where either is empty.

    The formula is Siddiqi's ("Credit Risk Scorecards", 2006), a symmetric Kullback-Leibler divergence (Jeffreys, 1946). An empty bin counts as
    ``LEAST_SHARE``.
    """
    n, m = sum(before), sum(after)
    if not n or not m:
        return None
    shares = [(max(b / n, LEAST_SHARE), max(a / m, LEAST_SHARE)) for b, a in zip(before, after, strict=True) if b or a]
    return sum((q - p) * math.log(q / p) for p, q in shares)


def _range_ends(histogram: Histogram) -> list[int]:
    """Return the last bin of each range but the last one, which is open, as the first is; a single value gets a range of its own."""
    bins = sorted(map(int, histogram))
    ends, held, share = [], 0, sum(histogram.values()) / RANGES
    for value in bins:
        held += histogram[str(value)]
        if held >= share or value == bins[-1]:
            ends.append(value)
            held = 0
    return ends[:-1] or [end for value in bins[:1] for end in (value - 1, value)]


def _in_ranges(histogram: Histogram, ends: Sequence[int]) -> list[int]:
    counts = [0] * (len(ends) + 1)
    for value, n in histogram.items():
        counts[bisect_left(ends, int(value))] += n
    return counts


def _frequent_and_rest(histogram: Histogram, frequent: Sequence[str]) -> list[int]:
    counts = [histogram.get(value, 0) for value in frequent]
    return [*counts, sum(histogram.values()) - sum(counts)]
