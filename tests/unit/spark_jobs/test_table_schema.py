"""What may differ between a stored table and the catalogue: nullable columns that one side lacks, and nothing else."""

from pyspark.sql import types as T

from goeswith.catalogue import find_table
from spark_jobs.table_schema import compare_schemas, spark_schema

EVENTS = find_table("events")


def stored(*, without: str = "", **changed: T.StructField) -> T.StructType:
    fields = [changed.pop(f.name, f) for f in spark_schema(EVENTS).fields if f.name != without]
    return T.StructType([*fields, *changed.values()])


def test_a_table_as_the_catalogue_says_differs_in_nothing() -> None:
    assert compare_schemas(EVENTS, stored()) == []


def test_a_nullable_column_may_be_new_or_gone() -> None:
    assert compare_schemas(EVENTS, stored(without="recorded_at")) == []
    assert compare_schemas(EVENTS, stored(colour=T.StructField("colour", T.StringType()))) == []


def test_each_breaking_difference_is_said_with_both_sides() -> None:
    assert compare_schemas(EVENTS, stored(without="item_id")) == ["+ item_id string not null"]
    assert compare_schemas(EVENTS, stored(colour=T.StructField("colour", T.StringType(), False))) == ["- colour string not null"]
    wide = T.StructField("quantity", T.LongType(), False)
    assert compare_schemas(EVENTS, stored(quantity=wide)) == ["- quantity bigint not null", "+ quantity int not null"]
    loose = T.StructField("kind", T.StringType(), True)
    assert compare_schemas(EVENTS, stored(kind=loose)) == ["- kind string", "+ kind string not null"]
