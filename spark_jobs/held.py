"""What is reserved for evaluation, marked on the rows that it touches."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def mark_held(rows: DataFrame, holdout: DataFrame, ends: tuple[str, ...], basket: str | None = None) -> DataFrame:
    """Add ``held``: one of the items that ``ends`` name, or the basket, is reserved for evaluation."""
    kinds = {**dict.fromkeys(ends, "item"), **({basket: "basket"} if basket else {})}
    held = F.lit(False)
    for column, kind in kinds.items():
        reserved = holdout.where(F.col("kind") == kind).select(F.col("id").alias(f"_{column}"))
        rows = rows.join(reserved, F.col(column) == F.col(f"_{column}"), how="left")
        held = held | F.col(f"_{column}").isNotNull()
    return rows.withColumn("held", held).drop(*(f"_{column}" for column in kinds))
