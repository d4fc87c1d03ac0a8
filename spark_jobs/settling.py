"""What becomes of each parsed row: kept, quarantined or a duplicate. Together they are all rows that came in, and that is checked."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from goeswith.catalogue import find_table
from goeswith.errors import DataContractError
from spark_jobs.parsing import DETAIL, POSITION, ROW, RULE

OUTCOME = "_outcome"
KEPT, QUARANTINED, DUPLICATE = "kept", "quarantined", "duplicate"
ID_CONFLICT = "id_conflict"
OWN = (RULE, DETAIL, ROW, POSITION, OUTCOME)


@dataclass(frozen=True, slots=True)
class Account:
    """How many rows of one target came in, and what became of them."""

    rows_in: int
    kept: int = 0
    quarantined: int = 0
    duplicates: int = 0
    rules: Mapping[str, int] = field(default_factory=dict)

    def as_row(self) -> dict[str, int]:
        """Return the four counts by the names of the summary."""
        return {"in": self.rows_in, "kept": self.kept, "quarantined": self.quarantined, "duplicates": self.duplicates}


@dataclass(frozen=True, slots=True)
class Settled:
    """The settled rows of one target, held in Spark's cache until they are written, and their account."""

    rows: DataFrame
    account: Account


def settle_target(target: str, came: DataFrame, settled: DataFrame) -> Settled:
    """Hold settled rows and check that they are as many as came. Raises ``DataContractError``."""
    rows = settled.persist()
    return Settled(rows, count_outcomes(target, came.count(), rows))


def settle_rows(parsed: DataFrame, key: tuple[str, ...], *, newest_by: str | None = None) -> DataFrame:
    """Add ``_outcome``: of the rows that broke no rule, one a key is kept.

    That is the newest by ``newest_by`` where the rows have one, then the last in the source. Rows equal to it are duplicates;
    others of its key break ``id_conflict``.
    """
    content = F.xxhash64(*(name for name in parsed.columns if name not in OWN))
    sound = F.col(RULE).isNull()
    group = F.when(sound, F.to_json(F.struct(*key))).otherwise(F.col(POSITION).cast("string"))
    hashed = parsed.select("*", content.alias("_content"), sound.alias("_sound"), group.alias("_group"))
    order = [F.col(newest_by).desc_nulls_last()] if newest_by else []
    within = Window.partitionBy("_sound", "_group").orderBy(*order, F.col(POSITION).desc())
    ranked = hashed.withColumns({"_rank": F.row_number().over(within), "_winner": F.first("_content").over(within)})
    beaten = F.col("_sound") & (F.col("_rank") > 1)
    conflict = beaten & (F.col("_content") != F.col("_winner"))
    outcome = F.when(~F.col("_sound") | conflict, QUARANTINED).when(beaten, DUPLICATE).otherwise(KEPT)
    why = {
        RULE: F.when(conflict, ID_CONFLICT).otherwise(F.col(RULE)),
        DETAIL: F.when(conflict, F.concat(F.lit("a later row has the same key "), F.col("_group"))).otherwise(F.col(DETAIL)),
    }
    return ranked.withColumns({OUTCOME: outcome, **why}).drop("_content", "_sound", "_group", "_rank", "_winner")


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
        F.col(RULE).alias("rule"),
        F.col(DETAIL).alias("detail"),
    ).select(*(name for name in find_table("quarantine").columns if name != "updated_at"))


def count_outcomes(target: str, rows_in: int, settled: DataFrame) -> Account:
    """Count what became of ``rows_in`` rows. Raises ``DataContractError`` where one got lost or came twice."""
    counted = settled.groupBy(OUTCOME, RULE).count().collect()  # a handful of rows: outcomes times rules
    total = {outcome: sum(row["count"] for row in counted if row[OUTCOME] == outcome) for outcome in (KEPT, QUARANTINED, DUPLICATE)}
    rules = {str(row[RULE]): int(row["count"]) for row in counted if row[OUTCOME] == QUARANTINED}
    if sum(total.values()) != rows_in:
        told = ", ".join(f"{outcome} {n}" for outcome, n in total.items())
        raise DataContractError(f"{target}: {rows_in} rows came in, but {told} do not add up to that", "a fault of ingest: report it with the source")
    return Account(rows_in, total[KEPT], total[QUARANTINED], total[DUPLICATE], rules)
