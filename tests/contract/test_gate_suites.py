"""Every table of the catalogue has a suite, and every promise of the catalogue stands in it. No JVM."""

import pytest

from goeswith.catalogue import TABLES, Between, DegreeDrift, HasRows, NotNull, NullRateChange, OneOf, References, RowCountChange, Table, Unique
from spark_jobs.gates.conditions import parts_of
from spark_jobs.gates.suite import SEVERITIES, bounds_of, build_suite

tables = pytest.mark.parametrize("table", TABLES.values(), ids=list(TABLES))


@tables
def test_every_promise_of_the_catalogue_is_an_expectation_with_its_bounds_and_severity(table: Table) -> None:
    found = [(e.column, e.min_value, e.max_value, e.severity) for e in build_suite(table).expectations]
    assert found == [(rule.says, *bounds_of(rule), SEVERITIES[rule.severity]) for rule in table.promises]


@tables
def test_key_and_columns_that_may_not_be_null_are_promised_without_a_rule(table: Table) -> None:
    assert {rule.column for rule in table.promises if isinstance(rule, NotNull)} == set(table.required)
    assert [rule.columns for rule in table.promises if isinstance(rule, Unique)] == [table.key]
    assert sum(isinstance(rule, HasRows) for rule in table.promises) == 1


@tables
def test_names_are_unique_so_that_no_result_row_hides_another(table: Table) -> None:
    names = [rule.says for rule in table.promises]
    assert len(set(names)) == len(names)


@tables
def test_a_reference_points_to_the_key_of_a_table_that_exists(table: Table) -> None:
    for rule in table.rules:
        if isinstance(rule, References):
            assert TABLES[rule.table].key == (rule.to,)


@tables
def test_every_rule_bounds_something(table: Table) -> None:
    assert all(any(bound is not None for bound in bounds_of(rule)) for rule in table.promises)
    assert all((rule.low, rule.high) != (None, None) for rule in table.rules if isinstance(rule, Between))


@tables
def test_parts_are_named_by_columns_with_few_values_and_all_rules_agree_on_them(table: Table) -> None:
    enumerated = {rule.column for rule in table.rules if isinstance(rule, OneOf)} & set(table.required)
    apart = {rule.by for rule in table.rules if isinstance(rule, RowCountChange | DegreeDrift) and rule.by}
    assert apart <= {parts_of(table)}
    assert set(parts_of(table)) <= enumerated


@tables
def test_degrees_are_counted_only_where_something_is_referred_to(table: Table) -> None:
    if any(isinstance(rule, DegreeDrift) for rule in table.rules):
        assert any(isinstance(rule, References) for rule in table.rules)


@tables
def test_null_rates_are_watched_only_where_nulls_are_allowed(table: Table) -> None:
    assert not {rule.column for rule in table.rules if isinstance(rule, NullRateChange)} & set(table.required)


def test_only_items_must_have_rows_for_a_source_may_lack_the_rest() -> None:
    severities = {name: rule.severity for name, table in TABLES.items() for rule in table.promises if isinstance(rule, HasRows)}
    assert {name for name, severity in severities.items() if severity == "stop"} == {"items"}


def test_what_others_read_is_compared_with_the_released_version() -> None:
    compared = {name for name, table in TABLES.items() if any(isinstance(rule, RowCountChange) for rule in table.rules)}
    ungated = {"gate_results", "gate_overrides", "version_statistics", "releases", "stream_batches", "merchandising_rules", "feedback", "drift"}
    other_sizes = {"training_sets", "pair_ledger"}  # the rows of many runs; the blocks of many batches, which are folded into few
    assert set(TABLES) - compared == ungated | other_sizes
