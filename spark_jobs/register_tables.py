"""Job ``register_tables``: every table by its name in the metastore of the session, for readers that know names and not places (ADR 34).

``DATABASE.TABLE`` is a view of the newest released version: what every other reader of ours gets. ``DATABASE_newest.TABLE`` is the table itself
where it lies, refused rows and all. Run it after each release: a view goes on showing the version that it was made for, which upkeep keeps
no longer than it keeps that release.
"""

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass
from pyspark.sql import SparkSession

from goeswith import lake, releases
from goeswith.catalogue import TABLES, Table
from goeswith.config import STRICT, parse_config
from goeswith.errors import ConfigError
from goeswith.jobs import JobResult, JobRun
from goeswith.profile import Profile
from goeswith.progress import progress
from spark_jobs.session import get_session
from spark_jobs.table_schema import spark_schema

NEWEST = "_newest"


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Config:
    """``database`` is a schema of the session's own catalog, or CATALOG.SCHEMA (Unity)."""

    database: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?$")] = "goeswith"


def run(job: JobRun) -> JobResult:
    """Register every table that there is, and a view of every released one; again, it changes nothing. Raises ``ConfigError`` without a metastore."""
    config = parse_config(Config, job.params, where="job register_tables")
    spark, released = get_session(job.profile, "register_tables"), releases.read_release(job.profile)
    _require_metastore(spark, config.database)
    there = [table for name, table in TABLES.items() if lake.current_version(job.profile, name) is not None]
    for database in (config.database, config.database + NEWEST):
        spark.sql(f"CREATE SCHEMA IF NOT EXISTS {database}")
    with progress("register", len(there), unit="tables") as advance:
        for table in there:
            register_table(spark, job.profile, config.database + NEWEST, table)
            if table.name in released.versions:
                register_view(spark, job.profile, config.database, table, released.versions[table.name])
            advance(1, table.name)
    return JobResult(summary={"database": config.database, "release": released.name, "tables": len(there), "views": len(released.versions)})


def register_table(spark: SparkSession, profile: Profile, database: str, table: Table) -> None:
    """Let a name stand for a table where it lies; a name that stands for another place is given this one, and nothing there is deleted."""
    name, uri = f"{database}.{table.name}", lake.table_uri(profile, table.name)
    if spark.catalog.tableExists(name) and not _lies_at(spark, name, uri):
        spark.sql(f"DROP TABLE {name}")
    spark.sql(f"CREATE TABLE IF NOT EXISTS {name} USING delta LOCATION '{_escape(uri)}'")


def register_view(spark: SparkSession, profile: Profile, database: str, table: Table, version: int) -> None:
    """Let a name stand for one version of a table, in the catalogue's columns and with its words on them; a column of later is null."""
    held = {field.name for field in lake.open_table(profile, table.name, version).schema().fields}
    fields = [f for f in spark_schema(table).fields if f.name in held or f.nullable]
    columns = ", ".join(f"`{f.name}` COMMENT '{_escape(_doc(table, f.name))}'" for f in fields)
    values = ", ".join(f"`{f.name}`" if f.name in held else f"CAST(NULL AS {f.dataType.simpleString()}) AS `{f.name}`" for f in fields)
    told = f"{table.doc} (version {version})"
    spark.sql(
        f"CREATE OR REPLACE VIEW {database}.{table.name} ({columns}) COMMENT '{_escape(told)}' "  # noqa: S608 - names and words of the catalogue
        f"AS SELECT {values} FROM {database}{NEWEST}.{table.name} VERSION AS OF {version}"
    )


def _lies_at(spark: SparkSession, name: str, uri: str) -> bool:
    found = spark.sql(f"DESCRIBE DETAIL {name}").select("location").collect()[0]["location"]
    return str(found).removeprefix("file:").rstrip("/") == uri


def _require_metastore(spark: SparkSession, database: str) -> None:
    """A session without a metastore forgets all names when it ends."""
    if "." not in database and spark.conf.get("spark.sql.catalogImplementation") == "in-memory":
        remedy = "set spark.sql.catalogImplementation to hive and where its metastore is in spark.conf of the profile: docs/operations.md"
        raise ConfigError("the Spark session has no metastore to register tables in", remedy)


def _doc(table: Table, column: str) -> str:
    told: bytes = (table.schema.field(column).metadata or {}).get(b"doc", b"")
    return told.decode()


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")
