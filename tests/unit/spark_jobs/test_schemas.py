"""Spark schemas come from the catalogue alone; no JVM is needed to derive them."""

import pyarrow as pa
import pytest
from pyspark.sql import types as T

from goeswith.catalogue import TABLES, Table, Writer
from goeswith.catalogue.graph import RELATION_TYPES, TYPE_OF
from spark_jobs.edge_types import DIRECTED
from spark_jobs.table_schema import spark_schema


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES.keys())
def test_every_table_has_a_spark_schema_with_its_columns_and_nullability(table: Table) -> None:
    schema = spark_schema(table)
    assert schema.names == list(table.columns)
    assert [field.nullable for field in schema.fields] == [field.nullable for field in table.schema]


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES.keys())
def test_every_time_is_an_instant_and_every_number_keeps_its_width(table: Table) -> None:
    widths = {pa.int32(): T.IntegerType, pa.int64(): T.LongType, pa.float32(): T.FloatType, pa.float64(): T.DoubleType}
    for field in table.schema:
        found = spark_schema(table)[field.name].dataType
        if pa.types.is_timestamp(field.type):
            assert isinstance(found, T.TimestampType)
        if field.type in widths:
            assert isinstance(found, widths[field.type])


def test_every_relation_says_one_type() -> None:
    assert set(TYPE_OF.values()) == set(RELATION_TYPES)
    assert DIRECTED in TYPE_OF


def test_tables_that_spark_merges_into_are_partitioned_by_parts_of_their_key() -> None:
    for table in TABLES.values():
        if table.writer is Writer.SPARK:
            assert set(table.partition_by) <= set(table.key)
