"""What is sent whole to every task: only what fits there."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

FEW = 1_000_000
"""So many rows of an id and a few numbers take some 100 MB."""


def send_few(rows: DataFrame, count: int) -> DataFrame:
    """Return ``count`` rows that a join sends to every task while they are few; those of more are brought together by a shuffle.

    Spark, which plans before it knows how many there are, would shuffle the other side of the join instead.
    """
    return F.broadcast(rows) if count <= FEW else rows
