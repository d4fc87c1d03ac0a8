"""Which events still stand: cancelled ones and items that were returned count for nothing, whoever reads the events.

An item stands in a purchase basket while more pieces of it were bought in that basket than taken back. Order does not matter: a
return may arrive before its purchase.
"""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

PURCHASE, VIEW, RETURN = "purchase", "view", "return"
ENTRY = ("basket_id", "item_id")


def standing_events(events: DataFrame) -> DataFrame:
    """Return the views and purchases that stand, with the columns of ``events``; no return is among them.

    Where nothing was returned, that is one filter: looking for a return reads one column, and nothing is shuffled.
    """
    counted = events.where((F.col("quantity") > 0) & (F.col("kind") != RETURN))
    returns = events.where((F.col("quantity") > 0) & (F.col("kind") == RETURN))
    if returns.isEmpty():
        return counted
    gone = _find_returned(counted, returns).select(F.lit(PURCHASE).alias("kind"), *ENTRY)
    return counted.join(gone, on=["kind", *ENTRY], how="left_anti").select(*events.columns)


def _find_returned(counted: DataFrame, returns: DataFrame) -> DataFrame:
    """Return the entries of which no piece is left; only entries that were returned at all are summed."""
    taken = returns.groupBy(*ENTRY).agg(F.sum("quantity").alias("taken"))
    purchases = counted.where(F.col("kind") == PURCHASE).join(taken.select(*ENTRY), on=list(ENTRY), how="left_semi")
    bought = purchases.groupBy(*ENTRY).agg(F.sum("quantity").alias("bought"))
    return bought.join(taken, on=list(ENTRY), how="inner").where(F.col("bought") <= F.col("taken")).select(*ENTRY)
