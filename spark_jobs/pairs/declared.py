"""Edges that a source declares: they stand beside the counted pairs as declared, without counts."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from spark_jobs.held import mark_held
from spark_jobs.pairs.fold import EVALUATION, FULL


def declared_pairs(declared: DataFrame, holdout: DataFrame) -> DataFrame:
    """Return item_pairs rows of declared edges in both graphs; the evaluation graph is without those that are reserved."""
    marked = mark_held(declared, holdout, ("src", "dst"))
    edges = marked.groupBy(F.col("kind").alias("relation"), "src", "dst").agg(F.bool_or("held").alias("held"))
    open_edges = edges.where(~F.col("held")).drop("held").join(_reserved(holdout), on=["relation", "src", "dst"], how="left_anti")
    graphs = {FULL: edges.drop("held"), EVALUATION: open_edges}
    full, evaluation = (rows.select(F.lit(graph).alias("graph"), "relation", "src", "dst") for graph, rows in graphs.items())
    return full.unionByName(evaluation).withColumn("known_at", F.timestamp_seconds(F.lit(0)))


def _reserved(holdout: DataFrame) -> DataFrame:
    """Return the reserved edges ('relation|src|dst') in both directions."""
    parts = F.split(F.col("id"), r"\|")
    one = holdout.where(F.col("kind") == "edge").select(parts[0].alias("relation"), parts[1].alias("src"), parts[2].alias("dst"))
    return one.unionByName(one.select("relation", F.col("dst").alias("src"), F.col("src").alias("dst"))).distinct()
