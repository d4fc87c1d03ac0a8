"""What each micro-batch brought: appended once, before any other table changes, however often the micro-batch is taken in.

A micro-batch that is taken in again after a crash finds its own rows and would call them duplicates; its account says what they were at first.
Delta refuses a second account by itself: ``txnAppId`` is the query, ``txnVersion`` the micro-batch.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from goeswith import lake
from goeswith.catalogue import find_table
from goeswith.locks import write_alone
from goeswith.profile import Profile
from spark_jobs.settling import Account
from spark_jobs.table_schema import spark_schema
from spark_jobs.tables import commit_metadata, create_table, read_table

TABLE = "stream_batches"
COUNTS = ("rows_in", "kept", "quarantined", "duplicates")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a micro-batch stands: of which stream, which of its queries (one a checkpoint), and which of that."""

    stream: str
    query: str
    batch: int


def write_account(spark: SparkSession, profile: Profile, place: Place, accounts: Mapping[str, Account], *, run_id: str) -> None:
    """Append one row a target that rows came for, unless the micro-batch has its account already."""
    rows = _build_rows(spark, place, accounts)
    once = rows.write.format("delta").mode("append").option("txnAppId", place.query).option("txnVersion", place.batch)
    with write_alone(profile, TABLE), commit_metadata(spark, run_id, f"stream {place.stream}", {}):
        create_table(spark, profile, TABLE)
        once.save(lake.table_uri(profile, TABLE))


def _build_rows(spark: SparkSession, place: Place, accounts: Mapping[str, Account]) -> DataFrame:
    table = find_table(TABLE)
    counts = {target: [getattr(account, name) for name in COUNTS] for target, account in accounts.items()}
    rows = [(place.query, place.batch, target, place.stream, *counted) for target, counted in counts.items()]
    frame = spark.createDataFrame(rows, spark_schema(table, [name for name in table.columns if name != "updated_at"]))
    return frame.withColumn("updated_at", F.current_timestamp())


def read_account(spark: SparkSession, profile: Profile, place: Place) -> dict[str, Account]:
    """Return the account of a micro-batch, by target."""
    accounts = read_table(spark, profile, TABLE, lake.open_table(profile, TABLE).version())
    mine = accounts.where((F.col("query") == place.query) & (F.col("batch") == place.batch)).orderBy("target")
    return {row["target"]: Account(*(row[name] for name in COUNTS)) for row in mine.collect()}  # five rows at most
