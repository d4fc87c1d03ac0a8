"""The Great Expectations suite of a table, derived from the catalogue: nothing about a table is written here."""

from typing import Any

import great_expectations as gx
from great_expectations import expectations
from great_expectations.expectations.metadata_types import FailureSeverity

from goeswith.catalogue import DegreeDrift, Drift, HasRows, NullRateChange, RowCountChange, Rule, Table

gxe: Any = expectations
"""The expectation classes: the package re-exports them without telling type checkers."""

SEVERITIES = {"stop": FailureSeverity.CRITICAL, "warn": FailureSeverity.WARNING}


def build_suite(table: Table) -> Any:
    """Return the suite (``ExpectationSuite``) over a frame of measures: a column for each promise, named by what it says.

    A column holds what was counted: the rows, the rows that break a rule, or how far a part is from the released version.
    """
    return gx.ExpectationSuite(name=table.name, expectations=[_expectation(rule) for rule in table.promises])


def _expectation(rule: Rule) -> Any:
    low, high = bounds_of(rule)
    return gxe.ExpectColumnValuesToBeBetween(column=rule.says, min_value=low, max_value=high, severity=SEVERITIES[rule.severity])


def bounds_of(rule: Rule) -> tuple[float | None, float | None]:
    """Return what a rule's measure must lie within."""
    match rule:
        case HasRows():
            return 1, None
        case RowCountChange(low=low, high=high):
            return low, high
        case NullRateChange(most=most) | Drift(most=most) | DegreeDrift(most=most):
            return None, most
        case _:
            return None, 0
