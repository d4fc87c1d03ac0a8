"""Rows of a catalogue table as a Spark frame."""

from collections.abc import Iterable
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from goeswith.catalogue import find_table
from spark_jobs.tables import spark_schema


def rows_of(spark: SparkSession, name: str, rows: Iterable[dict[str, Any]]) -> DataFrame:
    """Return rows of a catalogue table; ``updated_at`` is left to the writer."""
    table = find_table(name)
    columns = [column for column in table.columns if column != "updated_at"]
    return spark.createDataFrame([tuple(row.get(column) for column in columns) for row in rows], spark_schema(table, columns))
