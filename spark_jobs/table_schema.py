"""A table's schema: Spark's from the catalogue, and a stored table brought to it where only nullable columns are new."""

from collections.abc import Sequence

import pyarrow as pa
from delta.tables import DeltaTable
from pyspark.sql import SparkSession
from pyspark.sql.pandas.types import from_arrow_schema
from pyspark.sql.types import DataType, StructField, StructType

from goeswith import lake
from goeswith.catalogue import Table
from goeswith.errors import DataContractError
from goeswith.profile import Profile

KEY_PROPERTY = "goeswith.key"
"""The table property that names its key: Delta itself knows none."""


def spark_schema(table: Table, columns: Sequence[str] | None = None) -> StructType:
    """Return a table's Spark schema, or that of some of its columns; fields keep their nullability."""
    fields = [table.schema.field(name).remove_metadata() for name in columns or table.columns]
    return from_arrow_schema(pa.schema(fields))


def key_text(table: Table) -> str:
    """Return a table's key as its property says it."""
    return ",".join(table.key)


def evolve_table(spark: SparkSession, profile: Profile, table: Table) -> DeltaTable:
    """Open a stored table and add the nullable columns that it lacks.

    Raises ``DataContractError`` for any other difference, with all of them.
    """
    uri, stored = lake.table_uri(profile, table.name), lake.open_table(profile, table.name).metadata()
    opened = DeltaTable.forPath(spark, uri)
    schema = opened.toDF().schema
    differences = compare_schemas(table, schema)
    differences += _compare(f"partitioned by ({', '.join(table.partition_by)})", f"partitioned by ({', '.join(stored.partition_columns)})")
    differences += _compare(f"key ({key_text(table)})", f"key ({stored.configuration.get(KEY_PROPERTY, key_text(table))})")
    if differences:
        remedy = "run the version of goeswith that wrote it, or move the table away and run the DAG that writes it"
        raise DataContractError(f"table {table.name!r} does not fit the catalogue:\n" + "\n".join(differences), remedy)
    new = [f for f in spark_schema(table).fields if f.name not in schema.names]
    if not new:
        return opened
    spark.sql(f"ALTER TABLE delta.`{uri}` ADD COLUMNS ({', '.join(f'`{f.name}` {f.dataType.simpleString()}' for f in new)})")
    return DeltaTable.forPath(spark, uri)


def compare_schemas(table: Table, stored: StructType) -> list[str]:
    """Return the differences that no added column mends, as lines '- stored' and '+ catalogue'."""
    wanted = spark_schema(table)
    lines: list[str] = []
    for name in dict.fromkeys((*wanted.names, *stored.names)):
        have, want = (schema[name] if name in schema.names else None for schema in (stored, wanted))
        if not _fits(have, want):
            lines += [f"- {_say(have)}"] * (have is not None) + [f"+ {_say(want)}"] * (want is not None)
    return lines


def _fits(have: StructField | None, want: StructField | None) -> bool:
    """A nullable column may stand on one side alone; one on both sides must be the same."""
    if have is None or want is None:
        return (have or want or StructField("", DataType())).nullable
    return have.dataType.simpleString() == want.dataType.simpleString() and have.nullable == want.nullable


def _say(field: StructField | None) -> str:
    return "" if field is None else f"{field.name} {field.dataType.simpleString()}{'' if field.nullable else ' not null'}"


def _compare(wanted: str, stored: str) -> list[str]:
    return [] if wanted == stored else [f"- {stored}", f"+ {wanted}"]
