"""Rows out of the quarantine, once more: as they stand, or as somebody repaired them.

A replay reads a row's ``fields``, not ``row``: the source's own names are joined, summed or renamed in code that cannot be run
backwards, and the ids of users and baskets can only be hashed once, from what the source said. The key of a row in the quarantine
takes the place of the row's text, so its outcome finds the way back.
"""

from collections.abc import Callable, Mapping
from functools import partial, reduce
from pathlib import Path

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from goeswith.catalogue import find_table
from goeswith.profile import Profile
from spark_jobs import cleaning, parsing
from spark_jobs.intake import PICTURES, TARGETS, Parsed
from spark_jobs.repairs import legal_fields, read_repairs
from spark_jobs.row_checks import DETAIL, FIELDS, HIDDEN, POSITION, PROBLEM, ROW, RULE
from spark_jobs.settling import OUTCOME, QUARANTINED, Settled, fields_of
from spark_jobs.sources.base import ROW_INCOMPLETE, TEXT_NOT_UTF8
from spark_jobs.sources.mapping import Mapping as FileMapping
from spark_jobs.sources.mapping import TableFile
from spark_jobs.table_schema import spark_schema

KEY = ("source", "row_hash")
KEY_TYPE = "source string, row_hash string"


def choose_refused(spark: SparkSession, quarantine: DataFrame, *, rule: str, file: str) -> DataFrame:
    """Return the rows to replay: of one rule ('' for all), and of those only what a file of repaired rows names, with its fields."""
    chosen = quarantine.where(F.col("fields").isNotNull()).withColumn("given", F.col("fields"))
    chosen = chosen.where(F.col("rule") == rule) if rule else chosen
    if not file:
        return chosen
    repaired = read_repairs(spark, Path(file)).select(*KEY, F.col("fields").alias("given"))
    return chosen.drop("given").join(repaired, on=list(KEY), how="inner")


def parse_refused(chosen: DataFrame, profile: Profile, mapping: FileMapping | None = None) -> dict[str, Parsed]:
    """Type the chosen rows again, by target; ids that are hashed stay as they are.

    With a ``mapping`` of the source ``files``, all else is read anew from the rows as they came.
    """
    targets = {row["target"] for row in chosen.select("target").distinct().collect()}  # five at most
    hide = partial(cleaning.hash_unmarked, key=profile.user_hash_key.get_secret_value())
    parse: dict[str, Callable[[DataFrame], DataFrame]] = {
        "items": parsing.parse_items,
        "events": partial(parsing.parse_events, hide=hide),
        "bundles": partial(parsing.parse_bundles, hide=hide),
        "declared_relations": partial(parsing.parse_declared_relations, source=F.col("source")),
        PICTURES: _parse_pictures,
    }
    files = {} if mapping is None else mapping.tables()
    raw = {target: _as_raw(chosen, target, files.get(target)) for target in (*TARGETS, PICTURES) if target in targets}
    return {target: Parsed(rows, parse[target](rows)) for target, rows in raw.items()}


def _as_raw(chosen: DataFrame, target: str, file: TableFile | None) -> DataFrame:
    """Return raw rows as a source would. A line that was cut or garbled stays so until somebody changed its fields."""
    schema = _fields_schema(target)
    given, stored = F.from_json("given", schema), F.from_json("fields", schema)
    untouched = given.eqNullSafe(stored) & F.col("rule").isin(ROW_INCOMPLETE, TEXT_NOT_UTF8)
    mine = chosen.where(F.col("target") == target)
    key = F.to_json(F.struct(*KEY)).alias(ROW)
    problem = F.when(untouched, F.col("rule")).alias(PROBLEM)
    said = [F.col("rule").alias("_was"), F.col("detail").alias("_why"), F.col("source")]
    fields = given if file is None else _map_again(given, schema, file)
    return mine.select(fields.alias("given"), key, problem, *said).select("given.*", ROW, PROBLEM, "_was", "_why", "source")


def _map_again(given: Column, schema: T.StructType, file: TableFile) -> Column:
    """Return the fields as ``file`` maps them now; where the row does not say, as they were. Ids that were hashed cannot be read again."""
    mapped = {name: column for name, column in file.columns.items() if name not in (*HIDDEN, "event_id")}
    row = F.from_json("row", T.StructType([T.StructField(column, T.StringType()) for column in sorted(set(mapped.values()))]))
    values = {name: F.coalesce(row[mapped[name]], given[name]) if name in mapped else given[name] for name in schema.names}
    return F.struct(*(value.alias(name) for name, value in values.items()))


def _fields_schema(target: str) -> T.StructType:
    """Return the fields' types: text as a source gives it, but for the categories and attributes of items."""
    nested = {f.name: f.dataType for f in spark_schema(find_table("items")).fields if isinstance(f.dataType, T.ArrayType)}
    return T.StructType([T.StructField(name, nested.get(name, T.StringType())) for name in legal_fields(target)])


def _parse_pictures(raw: DataFrame) -> DataFrame:
    """A picture that was stored only lacked its item; of one that could not be, nothing is left to store."""
    lost = F.col("image").isNull()

    def unless_stored(column: str) -> Column:
        return F.when(lost, F.col(column))

    return raw.select(
        "item_id",
        "image",
        unless_stored("_was").alias(RULE),
        unless_stored("_why").alias(DETAIL),
        F.lit(None).cast("string").alias(FIELDS),
        ROW,
        F.monotonically_increasing_id().alias(POSITION),
    )


def remaining_quarantine(quarantine: DataFrame, settled: Mapping[str, Settled]) -> DataFrame:
    """Return the quarantine after a replay: rows that passed are gone, rows that were refused again say why, all others stay."""
    if not settled:
        return quarantine
    outcomes = reduce(DataFrame.unionByName, (_outcomes(target.rows) for target in settled.values()))
    joined = quarantine.join(outcomes, on=list(KEY), how="left").where(F.coalesce(F.col(OUTCOME) == QUARANTINED, F.lit(True)))
    new = {name: F.coalesce(F.col(f"_{name}"), F.col(name)) for name in ("rule", "detail", "fields")}
    return joined.withColumns(new).select(*quarantine.columns)


def _outcomes(rows: DataFrame) -> DataFrame:
    key = F.from_json(ROW, KEY_TYPE).alias("key")
    said = rows.select(key, OUTCOME, F.col(RULE), F.col(DETAIL), fields_of(rows).alias(FIELDS))
    return said.select("key.*", OUTCOME, RULE, DETAIL, FIELDS)
