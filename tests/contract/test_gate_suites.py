"""Every table of the catalogue has a suite, and every promise of the catalogue stands in it. No JVM."""

import pytest

from goeswith.catalogue import TABLES, Differ, References, Table
from spark_jobs.gates.frame import checked_columns
from spark_jobs.gates.rules import describe_rule, offence_column
from spark_jobs.gates.suite import build_suite

tables = pytest.mark.parametrize("table", TABLES.values(), ids=list(TABLES))


def says(table: Table) -> list[str]:
    return [expectation.meta["says"] for expectation in build_suite(table).expectations]


@tables
def test_every_promise_of_the_catalogue_is_an_expectation(table: Table) -> None:
    expected = [
        "has rows",
        *(f"{name} is not null" for name in table.required),
        f"{', '.join(table.key)} is unique",
        *map(describe_rule, table.rules),
    ]
    assert says(table) == expected


@tables
def test_names_are_unique_so_that_no_result_row_hides_another(table: Table) -> None:
    assert len(set(says(table))) == len(says(table))


@tables
def test_the_suite_names_only_columns_that_the_gate_reads(table: Table) -> None:
    derived = {offence_column(rule) for rule in table.rules if isinstance(rule, References | Differ)}
    named: set[str] = set()
    for expectation in build_suite(table).expectations:
        kwargs = expectation.configuration.kwargs
        named.update([kwargs["column"]] if "column" in kwargs else kwargs.get("column_list", []))
    assert derived <= named <= {*checked_columns(table), *derived}


@tables
def test_a_reference_points_to_the_key_of_a_table_that_exists(table: Table) -> None:
    for rule in table.rules:
        if isinstance(rule, References):
            assert TABLES[rule.table].key == (rule.to,)


def test_long_texts_that_nothing_is_expected_of_are_not_read() -> None:
    assert "description" not in checked_columns(TABLES["items"])


def test_only_items_must_have_rows_for_a_source_may_lack_the_rest() -> None:
    severities = {name: build_suite(table).expectations[0].severity for name, table in TABLES.items()}
    assert {name for name, severity in severities.items() if severity == "critical"} == {"items"}
