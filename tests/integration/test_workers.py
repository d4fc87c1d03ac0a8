"""What Spark's Python workers import from, seen from inside of one."""

import sys
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark


def read_import_path(_: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
    yield pa.RecordBatch.from_pydict({"entry": sys.path})


def test_workers_import_from_folders_alone(spark: SparkSession) -> None:
    path = [row["entry"] for row in spark.range(0, 1, 1, 1).mapInArrow(read_import_path, "entry string").collect()]
    assert path
    assert not [entry for entry in path if Path(entry).is_file()]
