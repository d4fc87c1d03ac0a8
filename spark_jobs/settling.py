"""What becomes of each parsed row: kept, quarantined or a duplicate. Together they are all rows that came in, and that is checked."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, DoubleType

from goeswith.catalogue import find_table
from goeswith.errors import DataContractError
from spark_jobs import cleaning as clean
from spark_jobs.row_checks import DETAIL, FIELDS, HIDDEN, POSITION, ROW, RULE

OUTCOME = "_outcome"
KEPT, QUARANTINED, DUPLICATE = "kept", "quarantined", "duplicate"
ID_CONFLICT = "id_conflict"
HELD = "_held"
OWN = (RULE, DETAIL, FIELDS, ROW, POSITION, OUTCOME)
STATE_TIMES: dict[str, tuple[str, ...]] = {"items": ("known_at",), "events": ("recorded_at", "happened_at"), "bundles": ("known_at",)}
"""The columns, the first that is there, which say how new a state of a row is."""


@dataclass(frozen=True, slots=True)
class Account:
    """How many rows of one target came in, and what became of them."""

    rows_in: int
    kept: int = 0
    quarantined: int = 0
    duplicates: int = 0
    rules: Mapping[str, int] = field(default_factory=dict)

    @property
    def unreadable(self) -> dict[str, int]:
        """The rules of values that could not be read."""
        return {rule: n for rule, n in self.rules.items() if rule.endswith("_unreadable")}

    def as_row(self) -> dict[str, int]:
        """Return the four counts by the names of the summary."""
        return {"in": self.rows_in, "kept": self.kept, "quarantined": self.quarantined, "duplicates": self.duplicates}


@dataclass(frozen=True, slots=True)
class Settled:
    """The settled rows of one target and their account; ``cached`` is what they are made of, held in Spark's cache."""

    rows: DataFrame
    cached: DataFrame
    account: Account


@dataclass(frozen=True, slots=True)
class Rivals:
    """What the lake holds already: rows of a key that comes again compete with it.

    ``win_ties``: of two states that are equally new, the lake's stands. So it is for rows out of the quarantine, which lost once
    already; what a source sends is newer than what it sent before.
    """

    rows: DataFrame
    win_ties: bool = False


def settle_rows(parsed: DataFrame, target: str, key: tuple[str, ...], rivals: Rivals | None = None) -> DataFrame:
    """Add ``_outcome``: of the rows that broke no rule, one a key is kept.

    That is the newest by ``STATE_TIMES``, then the last in the source. Rows equal to it are duplicates, as is one that the lake
    holds already; others of its key break ``id_conflict``.
    """
    rows = parsed.withColumn(HELD, F.lit(False)) if rivals is None else _with_rivals(parsed, key, rivals)
    content = _hash_content([name for name in parsed.columns if name not in OWN])
    sound = F.col(RULE).isNull()
    group = F.when(sound, F.to_json(F.struct(*key))).otherwise(F.col(POSITION).cast("string"))
    hashed = rows.select("*", content.alias("_content"), sound.alias("_sound"), group.alias("_group"))
    same_key = Window.partitionBy("_sound", "_group")
    newest_first = same_key.orderBy(*_newest_first(target, win_ties=rivals is not None and rivals.win_ties))
    ranked = hashed.withColumns({"_rank": F.row_number().over(newest_first), "_winner": F.first("_content").over(newest_first)})
    if rivals is not None:
        ranked = ranked.withColumn("_held_content", F.max(F.when(F.col(HELD), F.col("_content"))).over(same_key)).where(~F.col(HELD))
    return _judge(ranked, known=rivals is not None).select(*parsed.columns, OUTCOME)


def _with_rivals(parsed: DataFrame, key: tuple[str, ...], rivals: Rivals) -> DataFrame:
    """Add the lake's rows of the keys that came, at position -1: older than anything that comes now."""
    named = [name for name in parsed.columns if name not in OWN]
    held = rivals.rows.join(parsed.select(*key), on=list(key), how="left_semi")
    before = held.select(*named, F.lit(-1).cast("long").alias(POSITION), F.lit(True).alias(HELD))
    return parsed.withColumn(HELD, F.lit(False)).unionByName(before, allowMissingColumns=True)


def _newest_first(target: str, *, win_ties: bool) -> list[Column]:
    times = STATE_TIMES.get(target)
    newest = [F.coalesce(*times).desc_nulls_last()] if times else []
    return [*newest, *([F.col(HELD).desc()] if win_ties else []), F.col(POSITION).desc()]


def _hash_content(names: list[str]) -> Column:
    """Return a hash of the named values and of which of them are null: the hash function itself skips nulls."""
    return F.xxhash64(*names, *(F.col(name).isNull() for name in names))


def _judge(ranked: DataFrame, *, known: bool) -> DataFrame:
    beaten = F.col("_sound") & (F.col("_rank") > 1)
    conflict = beaten & (F.col("_content") != F.col("_winner"))
    again = F.col("_sound") & F.coalesce(F.col("_content") == F.col("_held_content"), F.lit(False)) if known else F.lit(False)
    outcome = F.when(~F.col("_sound") | conflict, QUARANTINED).when(beaten | again, DUPLICATE).otherwise(KEPT)
    why = {
        RULE: F.when(conflict, ID_CONFLICT).otherwise(F.col(RULE)),
        DETAIL: F.when(conflict, F.concat(F.lit("a later row has the same key "), F.col("_group"))).otherwise(F.col(DETAIL)),
    }
    return ranked.withColumns({OUTCOME: outcome, **why})


def kept_rows(settled: DataFrame) -> DataFrame:
    """Return the rows that were kept, with the catalogue's columns only."""
    return settled.where(F.col(OUTCOME) == KEPT).drop(*OWN)


def quarantine_rows(settled: DataFrame, source: str, target: str) -> DataFrame:
    """Return the refused rows in the shape of the quarantine; equal rows are told apart by how often they came."""
    refused = settled.where(F.col(OUTCOME) == QUARANTINED)
    position = F.row_number().over(Window.partitionBy(ROW).orderBy(POSITION))
    row_hash = F.sha2(F.to_json(F.struct(F.lit(target), F.col(ROW), position)), 256)
    return refused.select(
        F.lit(source).alias("source"),
        row_hash.alias("row_hash"),
        F.lit(target).alias("target"),
        F.col(ROW).alias("row"),
        fields_of(settled).alias("fields"),
        F.col(RULE).alias("rule"),
        F.col(DETAIL).alias("detail"),
    ).select(*(name for name in find_table("quarantine").columns if name != "updated_at"))


def fields_of(settled: DataFrame) -> Column:
    """Return a row under the catalogue's names, as JSON: its raw texts where it broke a rule, else text that reads as its values."""
    typed = [_as_text(settled, name).alias(name) for name in settled.columns if name not in OWN]
    cancelled = [F.when(F.col("quantity") == 0, F.lit("yes")).alias("cancelled")] if "quantity" in settled.columns else []
    return F.coalesce(F.col(FIELDS), F.to_json(F.struct(*typed, *cancelled)))


def _as_text(settled: DataFrame, name: str) -> Column:
    kind = settled.schema[name].dataType
    if name in HIDDEN:
        return clean.mark_hash(F.col(name))
    if isinstance(kind, DoubleType):  # no exponent: '1.69E-4' is no price
        return F.col(name).cast("decimal(38,18)").cast("string")
    return F.col(name) if isinstance(kind, ArrayType) else F.col(name).cast("string")


def count_outcomes(target: str, rows_in: int, settled: DataFrame) -> Account:
    """Count what became of ``rows_in`` rows. Raises ``DataContractError`` where one got lost or came twice."""
    counted = settled.groupBy(OUTCOME, RULE).count().collect()  # a handful of rows: outcomes times rules
    total = {outcome: sum(row["count"] for row in counted if row[OUTCOME] == outcome) for outcome in (KEPT, QUARANTINED, DUPLICATE)}
    rules = {str(row[RULE]): int(row["count"]) for row in counted if row[OUTCOME] == QUARANTINED}
    if sum(total.values()) != rows_in:
        told = ", ".join(f"{outcome} {n}" for outcome, n in total.items())
        raise DataContractError(f"{target}: {rows_in} rows came in, but {told} do not add up to that", "a fault of ingest: report it with the source")
    return Account(rows_in, total[KEPT], total[QUARANTINED], total[DUPLICATE], rules)
