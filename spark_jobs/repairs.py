"""Refused rows that somebody exported with ``goeswith quarantine list --json`` and repaired by hand."""

from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from goeswith.catalogue import find_table
from goeswith.errors import SourceUnreadable
from spark_jobs.sources.base import require_file

LINE_TYPE = "source string, row_hash string, target string, fields string, _corrupt string"
SHOWN_CHARS = 80
NOT_SAID = ("updated_at", "source", "image", "same_title_as")
"""Columns that ingest fills in itself."""


def legal_fields(target: str) -> tuple[str, ...]:
    """Return the fields that a refused row of ``target`` may have."""
    if target == "pictures":
        return ("item_id", "image")
    columns = tuple(name for name in find_table(target).columns if name not in NOT_SAID)
    return (*columns, "cancelled") if target == "events" else columns


def read_repairs(spark: SparkSession, path: Path) -> DataFrame:
    """Return source, row_hash, target and fields of each line. Raises ``SourceUnreadable`` that names the line or field at fault."""
    lines = spark.read.text(str(require_file(path))).where(F.trim("value") != "")
    read = F.from_json("value", LINE_TYPE, {"columnNameOfCorruptRecord": "_corrupt"})
    rows = lines.select(read.alias("row"), "value").select("row.*", "value")
    _refuse_foreign_lines(path, rows)
    _refuse_unknown_fields(path, rows)
    return rows.select("source", "row_hash", "target", "fields")


def _refuse_foreign_lines(path: Path, rows: DataFrame) -> None:
    known = F.coalesce(F.col("target").isin("items", "events", "bundles", "declared_relations", "pictures"), F.lit(False))
    whole = F.col("_corrupt").isNull() & F.col("source").isNotNull() & F.col("row_hash").isNotNull() & known
    odd = rows.where(~whole | F.json_object_keys("fields").isNull()).select(F.substring("value", 1, SHOWN_CHARS).alias("line")).first()
    if odd is not None:
        raise SourceUnreadable(f"{path} has a line that is no exported row: {odd['line']}", "export rows with: goeswith quarantine list --json")
    twice = rows.groupBy("source", "row_hash").count().where("count > 1").first()
    if twice is not None:
        raise SourceUnreadable(f"{path} repairs the row {twice['row_hash']} {twice['count']} times", "keep one line of each row_hash")


def _refuse_unknown_fields(path: Path, rows: DataFrame) -> None:
    named = rows.select("target", F.explode(F.json_object_keys("fields")).alias("field")).distinct()
    legal = [f"{target}.{name}" for target in ("items", "events", "bundles", "declared_relations", "pictures") for name in legal_fields(target)]
    unknown = named.where(~F.concat_ws(".", "target", "field").isin(legal)).first()
    if unknown is not None:
        fields = ", ".join(legal_fields(unknown["target"]))
        raise SourceUnreadable(f"{path}: {unknown['target']} have no field {unknown['field']!r}", f"fields: {fields}")
