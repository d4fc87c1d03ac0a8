"""Reading and writing the tables that Spark owns, all derived from the catalogue: create, read at a version, MERGE by key."""

import json
import logging
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import pyarrow as pa
from delta.tables import DeltaTable
from pyspark.sql import Column, DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from goeswith import lake
from goeswith.catalogue import Table, Writer, find_table
from goeswith.errors import DataContractError
from goeswith.locks import write_alone
from goeswith.profile import Profile
from spark_jobs.session import setting
from spark_jobs.table_schema import KEY_PROPERTY, evolve_table, key_text
from spark_jobs.table_schema import spark_schema as spark_schema

logger = logging.getLogger(__name__)

USER_METADATA = "spark.databricks.delta.commitInfo.userMetadata"


def create_table(spark: SparkSession, profile: Profile, name: str) -> DeltaTable:
    """Open a table, creating it from the catalogue where it does not exist; NOT NULL columns are enforced from then on.

    One that an older catalogue made gets the nullable columns that it lacks. Raises ``DataContractError`` with both schemas'
    differences where it cannot be brought to the catalogue by that.
    """
    table, uri = find_table(name), lake.table_uri(profile, name)
    if DeltaTable.isDeltaTable(spark, uri):
        return evolve_table(spark, profile, table)
    builder = DeltaTable.createIfNotExists(spark).location(uri).addColumns(spark_schema(table)).comment(table.doc)
    for key, value in (*lake.PROPERTIES.items(), (KEY_PROPERTY, key_text(table))):
        builder = builder.property(key, value)
    return builder.partitionedBy(*table.partition_by).execute() if table.partition_by else builder.execute()


def read_table(spark: SparkSession, profile: Profile, name: str, version: int) -> DataFrame:
    """Return a table as it stood at a version, with the catalogue's columns: those that it did not have then are null.

    Raises ``VersionMissing`` where it never stood so.
    """
    lake.open_table(profile, name, version)
    frame = spark.read.format("delta").option("versionAsOf", version).load(lake.table_uri(profile, name))
    fields = [f for f in spark_schema(find_table(name)).fields if f.name in frame.columns or f.nullable]
    return frame.select(*(F.col(f.name) if f.name in frame.columns else F.lit(None).cast(f.dataType).alias(f.name) for f in fields))


def empty_table(spark: SparkSession, name: str) -> DataFrame:
    """Return a frame with a table's columns and no rows: what a step reads where a source has nothing for it.

    Made from Arrow, so that Spark's optimizer knows that it is empty and drops the joins with it.
    """
    table = find_table(name)
    return spark.createDataFrame(table.schema.empty_table(), spark_schema(table))


def merge_table(
    spark: SparkSession,
    profile: Profile,
    name: str,
    frame: DataFrame,
    *,
    run_id: str,
    job: str,
    consumed: Mapping[str, int],
    delete_missing: bool = False,
) -> int:
    """Bring a table to hold ``frame``'s rows, by the catalogue's key, in one commit; return the table's version afterwards.

    Rows whose content is equal stay untouched, so that running a job again writes nothing at all; changed and new rows get
    ``updated_at``. With ``delete_missing`` rows that ``frame`` lacks go. Columns that ``frame`` lacks are null. ``consumed``
    stands, with run and job, in the commit's metadata.
    Raises ``DataContractError`` for a lacking column, a null where none may be, or a key that comes twice.
    """
    table = find_table(name)
    if table.writer is not Writer.SPARK:
        raise DataContractError(f"table {name!r} is written by {table.writer}, not by Spark jobs", "use the job that owns it")
    rows = fit_frame(table, frame).persist()
    try:
        _check_rows(table, rows)
        with write_alone(profile, name):
            target = create_table(spark, profile, name)
            if _differs(table, target, rows, delete_missing=delete_missing):
                with commit_metadata(spark, run_id, job, consumed):
                    _merge(table, target, rows, delete_missing=delete_missing)
    finally:
        rows.unpersist()
    return lake.open_table(profile, name).version()


def fit_frame(table: Table, frame: DataFrame) -> DataFrame:
    """Return ``frame`` with exactly the catalogue's columns but ``updated_at``, cast, absent nullable ones null."""
    wanted = [field for field in spark_schema(table).fields if field.name != "updated_at"]
    missing = [field.name for field in wanted if not field.nullable and field.name not in frame.columns]
    if missing:
        raise DataContractError(f"rows for {table.name!r} lack column {missing[0]!r}", f"columns: {', '.join(table.columns)}")
    return frame.select(*(_column(frame, f.name).cast(f.dataType).alias(f.name) for f in wanted))


def _column(frame: DataFrame, name: str) -> Column:
    return F.col(name) if name in frame.columns else F.lit(None)


def _check_rows(table: Table, rows: DataFrame) -> None:
    """Check nulls and the key's uniqueness, in one pass, before the commit, where the error can still name what is wrong."""
    required = [name for name in table.required if name != "updated_at"]
    nulls = [F.count_if(F.col(name).isNull()).alias(f"nulls_{name}") for name in required]
    keyed = rows.groupBy(*table.key).agg(F.count(F.lit(1)).alias("times"), *nulls)
    seen = keyed.agg(F.max("times").alias("times"), *(F.sum(f"nulls_{name}").alias(name) for name in required)).first()
    if seen is None:
        raise AssertionError("an aggregate over all rows has one row")
    broken = [name for name in required if seen[name]]
    if broken:
        raise DataContractError(f"{table.name}.{broken[0]} holds nulls", "the catalogue says that it may not")
    if (seen["times"] or 0) > 1:
        twice = keyed.where("times > 1").first()
        key = ", ".join(f"{column}={twice[column]!r}" for column in table.key) if twice is not None else ""
        raise DataContractError(f"rows for {table.name!r} repeat the key {key}", "each key may stand once: deduplicate before writing")


def _differs(table: Table, target: DeltaTable, rows: DataFrame, *, delete_missing: bool) -> bool:
    """Return whether a MERGE would change anything; asked first because Delta commits an empty version where it would not."""
    held = target.toDF().alias("t")
    if delete_missing:  # both are whole: two scans without a shuffle tell
        return _fingerprint(table, rows) != _fingerprint(table, held)
    same = f"{_same_key(table)} AND NOT ({_changed(table)})" if table.content else _same_key(table)
    return not rows.alias("s").join(held, F.expr(same), how="left_anti").isEmpty()


def _fingerprint(table: Table, rows: DataFrame) -> Row | None:
    """Return the number of rows and two sums of 64-bit hashes over all content, which no order of the rows changes."""
    names = [*table.key, *table.content]
    flat = [F.to_json(name) if pa.types.is_nested(table.schema.field(name).type) else F.col(name) for name in names]
    nulls = [F.col(name).isNull() for name in names if name not in table.required]  # the hash itself skips nulls
    hashes = (F.xxhash64(F.lit(salt), *flat, *nulls).cast("decimal(38,0)") for salt in (1, 2))
    return rows.agg(F.count(F.lit(1)), *(F.sum(value) for value in hashes)).first()


def _merge(table: Table, target: DeltaTable, rows: DataFrame, *, delete_missing: bool) -> None:
    stamp = "updated_at" in table.columns
    source = rows.withColumn("updated_at", F.current_timestamp()) if stamp else rows
    values: dict[str, str | Column] = {name: f"s.`{name}`" for name in table.columns}
    merge = target.alias("t").merge(source.alias("s"), _same_key(table))
    if table.content:
        merge = merge.whenMatchedUpdate(condition=_changed(table), set=values)
    merge = merge.whenNotMatchedInsert(values=values)
    if delete_missing:
        merge = merge.whenNotMatchedBySourceDelete()
    merge.execute()


def _same_key(table: Table) -> str:
    return " AND ".join(f"t.`{column}` = s.`{column}`" for column in table.key)


def _changed(table: Table) -> str:
    return " OR ".join(f"NOT (t.`{column}` <=> s.`{column}`)" for column in table.content)


def commit_metadata(spark: SparkSession, run_id: str, job: str, consumed: Mapping[str, Any]) -> AbstractContextManager[None]:
    """Let commits within name the run, the job, and the versions of the tables that it read."""
    return setting(spark, USER_METADATA, json.dumps({"run": run_id, "job": job, "consumed": dict(consumed)}, sort_keys=True))


def write_table(
    spark: SparkSession,
    profile: Profile,
    name: str,
    frame: DataFrame,
    *,
    mode: str,
    run_id: str,
    job: str,
    consumed: Mapping[str, Any],
    after: int | None = None,
) -> int:
    """Append rows to a table, or put them in the place of all of its rows, in one commit without looking at what is there.

    For tables whose rows' keys are unique by the way they are made, and too many to be compared. Rows that were made from what the table held
    say so by ``after``, its version then: where somebody wrote such rows since, nothing is written (Delta's transaction identifiers), and the
    caller looks again. Returns the table's version.
    """
    table = find_table(name)
    rows = fit_frame(table, frame)
    if "updated_at" in table.columns:
        rows = rows.withColumn("updated_at", F.current_timestamp())
    once = {} if after is None else {"txnAppId": name, "txnVersion": str(after + 1)}
    with write_alone(profile, name), commit_metadata(spark, run_id, job, consumed):
        create_table(spark, profile, name)
        writer = rows.write.format("delta").mode(mode).options(compression="zstd", **once).partitionBy(*table.partition_by)
        writer.save(lake.table_uri(profile, name))
    return lake.open_table(profile, name).version()
