"""Rates of two sides beside each other, and the measure that comes of it."""

from dataclasses import replace

from goeswith.drift.verdicts import Measure
from goeswith.experiments.estimates import Interval, Rate, compare


def count_rate(counted: int, of: int) -> Rate:
    """Return a share of single rows: each counts or does not."""
    return Rate.of(of, counted, of, counted, of, counted)


def with_difference(measure: Measure, before: Rate, after: Rate, comparisons: int = 1) -> Measure:
    """Return the measure with the difference of two shares, in points of one; with several ``comparisons`` their intervals hold together."""
    return _filled(measure, before, after, compare(after, before, comparisons=comparisons).difference)


def with_change(measure: Measure, before: Rate, after: Rate, comparisons: int = 1) -> Measure:
    """Return the measure with the difference of two rates as a part of the first, which holds for a rate that fell to 0, too."""
    found = compare(after, before, comparisons=comparisons).difference
    if not before.value or found.value is None or found.low is None or found.high is None:
        return _filled(measure, before, after, Interval(None))
    return _filled(measure, before, after, Interval(*(bound / before.value for bound in (found.value, found.low, found.high))))


def _filled(measure: Measure, before: Rate, after: Rate, found: Interval) -> Measure:
    return replace(measure, value=found.value, low=found.low, high=found.high, before=before.value, after=after.value)
