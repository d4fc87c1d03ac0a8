"""How far a version is from the released one, in the figures that the catalogue bounds."""

from collections.abc import Callable
from typing import Any, assert_never

import pyarrow as pa

from goeswith.catalogue import ChangeRule, DegreeDrift, Drift, NullRateChange, RowCountChange, Table
from goeswith.drift.psi import Histogram, drift_of_numbers, drift_of_values
from spark_jobs.gates.statistics import DEGREES, ROWS, Counts, nulls_of, values_of

SLACK = 100
"""Rows added to both counts of a ratio: a handful that doubles, or goes, means nothing."""
MOST_MOVED = 5


def measure_change(table: Table, rule: ChangeRule, released: Counts, candidate: Counts) -> dict[str, float]:
    """Return the figures that ``rule`` bounds, by part ('' where it knows none). Where there is nothing to compare there is no figure."""
    figures = {part: _figure(table, rule, part, released, candidate) for part in _parts(rule, released)}
    return {part: figure for part, figure in figures.items() if figure is not None}


def _parts(rule: ChangeRule, released: Counts) -> list[str]:
    """Return the parts that the released version has: a new one is no change of an old one."""
    if not isinstance(rule, RowCountChange | DegreeDrift) or not rule.by:
        return [""]
    wanted = DEGREES if isinstance(rule, DegreeDrift) else ROWS
    return sorted({part for statistic, part, _ in released if statistic == wanted and part})


def _figure(table: Table, rule: ChangeRule, part: str, released: Counts, candidate: Counts) -> float | None:
    match rule:
        case RowCountChange():
            before, after = (counts.get((ROWS, part, ""), 0) for counts in (released, candidate))
            return (after + SLACK) / (before + SLACK)
        case NullRateChange(column=column):
            was, is_now = (_null_rate(counts, column) for counts in (released, candidate))
            return None if was is None or is_now is None else abs(is_now - was)
        case Drift(column=column):
            compare = drift_of_numbers if _is_number(table.schema.field(column).type) else drift_of_values
            return compare(histogram_of(released, values_of(column)), histogram_of(candidate, values_of(column)))
        case DegreeDrift():
            return drift_of_numbers(histogram_of(released, DEGREES, part), histogram_of(candidate, DEGREES, part))
        case _:
            assert_never(rule)


def explain_change(rule: ChangeRule, part: str, released: Counts, candidate: Counts) -> dict[str, Any]:
    """Return what stood in the released version and what stands now: rows, a share of nulls, or the shares that moved most."""
    match rule:
        case RowCountChange():
            return {"part": part, **_before_and_after(released, candidate, lambda counts: counts.get((ROWS, part, ""), 0))}
        case NullRateChange(column=column):
            return _before_and_after(released, candidate, lambda counts: _null_rate(counts, column))
        case Drift(column=column):
            return {"moved": moved_most(released, candidate, values_of(column), part)}
        case DegreeDrift():
            return {"part": part, "moved": moved_most(released, candidate, DEGREES, part)}
        case _:
            assert_never(rule)


def moved_most(released: Counts, candidate: Counts, statistic: str, part: str) -> dict[str, list[float]]:
    """Return the bins whose shares differ most, with the share before and after. Bins are as in ``version_statistics``."""
    before, after = (_shares(histogram_of(counts, statistic, part)) for counts in (released, candidate))
    shares = {value: [round(before.get(value, 0.0), 4), round(after.get(value, 0.0), 4)] for value in {*before, *after}}
    return dict(sorted(shares.items(), key=lambda item: (-abs(item[1][1] - item[1][0]), item[0]))[:MOST_MOVED])


def _before_and_after(released: Counts, candidate: Counts, look: Callable[[Counts], float | None]) -> dict[str, float | None]:
    return {"released": look(released), "candidate": look(candidate)}


def _shares(histogram: Histogram) -> dict[str, float]:
    total = sum(histogram.values())
    return {value: n / total for value, n in histogram.items()}


def histogram_of(counts: Counts, statistic: str, part: str = "") -> Histogram:
    """Return the counts of one statistic's bins in one part."""
    return {value: n for (name, of, value), n in counts.items() if (name, of) == (statistic, part) and value}


def _null_rate(counts: Counts, column: str) -> float | None:
    rows = counts[ROWS, "", ""]
    return counts[nulls_of(column), "", ""] / rows if rows else None


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))
