"""The Great Expectations suite of a table, derived from the catalogue: nothing about a table is written here."""

from collections.abc import Iterator
from typing import Any, assert_never

import great_expectations as gx
from great_expectations import expectations
from great_expectations.expectations.metadata_types import FailureSeverity

from goeswith.catalogue import Between, Differ, OneOf, References, Rule, Table
from spark_jobs.gates.rules import describe_rule, offence_column

gxe: Any = expectations
"""The expectation classes: the package re-exports them without telling type checkers."""

NEVER_EMPTY = frozenset({"items"})
"""Tables without rows stop the run; any other table without rows is a warning, for a source may lack it."""


def build_suite(table: Table) -> Any:
    """Return the suite (``ExpectationSuite``) over the frame that ``build_frame`` makes of a table's rows.

    Each expectation's ``meta['says']`` is its name in ``gate_results``.
    """
    return gx.ExpectationSuite(name=table.name, expectations=list(_expectations(table)))


def _expectations(table: Table) -> Iterator[Any]:
    empty = FailureSeverity.CRITICAL if table.name in NEVER_EMPTY else FailureSeverity.WARNING
    yield gxe.ExpectTableRowCountToBeBetween(min_value=1, severity=empty, meta={"says": "has rows"})
    for column in table.required:
        yield gxe.ExpectColumnValuesToNotBeNull(column=column, meta={"says": f"{column} is not null"})
    yield _unique(table.key)
    for rule in table.rules:
        yield _rule(rule)


def _unique(key: tuple[str, ...]) -> Any:
    says = {"says": f"{', '.join(key)} is unique"}
    if len(key) == 1:
        return gxe.ExpectColumnValuesToBeUnique(column=key[0], meta=says)
    return gxe.ExpectCompoundColumnsToBeUnique(column_list=list(key), meta=says)


def _rule(rule: Rule) -> Any:
    says = {"says": describe_rule(rule)}
    match rule:
        case Between(column=column, low=low, high=high):
            return gxe.ExpectColumnValuesToBeBetween(column=column, min_value=low, max_value=high, meta=says)
        case OneOf(column=column, values=values):
            return gxe.ExpectColumnValuesToBeInSet(column=column, value_set=list(values), meta=says)
        case References() | Differ():
            return gxe.ExpectColumnValuesToBeNull(column=offence_column(rule), meta=says)
        case _:
            assert_never(rule)
