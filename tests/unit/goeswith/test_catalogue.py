"""The catalogue describes every table completely: nothing downstream has to guess."""

import pyarrow as pa
import pytest

from goeswith.catalogue import TABLES, References, Table, find_table
from goeswith.errors import ConfigError

ALLOWED = {pa.string(), pa.int32(), pa.int64(), pa.float32(), pa.float64(), pa.bool_(), pa.binary(), pa.timestamp("us", tz="UTC")}


def leaves(kind: pa.DataType) -> list[pa.DataType]:
    if pa.types.is_list(kind):
        return leaves(kind.value_type)
    if pa.types.is_struct(kind):
        return [leaf for field in kind for leaf in leaves(field.type)]
    return [kind]


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
class TestEveryTable:
    def test_every_column_says_what_it_holds(self, table: Table) -> None:
        assert all(field.metadata[b"doc"] for field in table.schema)

    def test_only_types_that_every_reader_understands(self, table: Table) -> None:
        assert {leaf for field in table.schema for leaf in leaves(field.type)} <= ALLOWED

    def test_the_key_is_never_null_and_partitions_are_part_of_it(self, table: Table) -> None:
        assert set(table.key) <= set(table.required)
        assert set(table.partition_by) <= set(table.key)

    def test_rules_and_event_time_name_columns_that_exist(self, table: Table) -> None:
        named = {getattr(rule, name) for rule in table.rules for name in ("column", "left", "right") if hasattr(rule, name)}
        assert named | ({table.event_time} - {None}) <= set(table.columns)

    def test_references_point_at_the_key_of_a_table(self, table: Table) -> None:
        for rule in table.rules:
            if isinstance(rule, References):
                assert find_table(rule.table).key == (rule.to,)

    def test_content_leaves_out_key_and_update_time(self, table: Table) -> None:
        assert not set(table.content) & {*table.key, "updated_at"}


def test_an_unknown_table_lists_those_there_are() -> None:
    with pytest.raises(ConfigError, match="item_pairs"):
        find_table("nonsense")
