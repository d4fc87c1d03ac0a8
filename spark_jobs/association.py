"""From meetings to counted pairs: additive integer counts, and the measures that derive from them.

Lift and NPMI: Bouma, "Normalized (pointwise) mutual information in collocation extraction" (2009), with a unit (basket, session
or user) as the event: p(i) = n_i / n_total.
"""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

ANCHOR_S = 1_420_070_400
"""2015-01-01 UTC: where the decayed count is anchored for all time, so that later increments simply add up."""
HALF_LIFE_S = 365 * 86_400
FIXED_POINT = 2**20
"""One meeting at the anchor. In 2045 one meeting is 2^50; a pair may still meet 8,000 times before 64 bits are full."""

FULL, EVALUATION = "full", "evaluation"


def decay_weight(at: Column) -> Column:
    """Return 2^((at - anchor) / half-life) in fixed point: integers, so that sums do not depend on their order."""
    exponent = (at.cast("double") - F.lit(ANCHOR_S)) / F.lit(HALF_LIFE_S)
    return F.floor(F.pow(F.lit(2.0), exponent) * F.lit(FIXED_POINT)).cast("bigint")


def count_pairs(meetings: DataFrame, units: DataFrame, min_count: int) -> DataFrame:
    """Return item_pairs rows of both graphs, counted in one pass; pairs that met fewer than ``min_count`` times are left out."""
    met = meetings.groupBy("relation", "src", "dst").agg(
        F.struct(*_pair_counts(F.lit(True), F.col("at"))).alias(FULL), F.struct(*_pair_counts(~F.col("held"), F.col("open_at"))).alias(EVALUATION)
    )
    held_by = units.select("relation", F.explode("items").alias("entry")).groupBy("relation", F.col("entry.item").alias("item"))
    items = held_by.agg(F.count(F.lit(1)).alias(FULL), F.count_if(~F.col("entry.held")).alias(EVALUATION))
    is_open = F.exists("items", lambda entry: ~entry["held"])
    totals = units.groupBy("relation").agg(F.count(F.lit(1)).alias(f"total_{FULL}"), F.count_if(is_open).alias(f"total_{EVALUATION}"))
    joined = met.join(_end(items, "src"), on=["relation", "src"], how="inner").join(_end(items, "dst"), on=["relation", "dst"], how="inner")
    rows = joined.join(F.broadcast(totals), on="relation", how="inner").select("relation", "src", "dst", F.explode(_graphs()).alias("c"))
    return rows.select("c.graph", "relation", "src", "dst", *_measures()).where(F.col("n") >= min_count)


def _pair_counts(counted: Column, at: Column) -> list[Column]:
    return [
        F.count_if(counted).alias("n"),
        F.sum(F.when(counted, decay_weight(at))).alias("decayed"),
        F.min(F.when(counted, at)).alias("first_seen"),
        F.max(F.when(counted, at)).alias("last_seen"),
    ]


def _end(items: DataFrame, end: str) -> DataFrame:
    return items.select("relation", F.col("item").alias(end), *(F.col(graph).alias(f"{end}_{graph}") for graph in (FULL, EVALUATION)))


def _graphs() -> Column:
    """Return one struct a graph, so that what was counted in one pass becomes two rows."""
    return F.array(
        *(
            F.struct(
                F.lit(graph).alias("graph"),
                *(F.col(f"{graph}.{name}").alias(name) for name in ("n", "decayed", "first_seen", "last_seen")),
                *(F.col(f"{end}_{graph}").alias(f"n_{end}") for end in ("src", "dst", "total")),
            )
            for graph in (FULL, EVALUATION)
        )
    )


def _measures() -> list[Column]:
    n, n_src, n_dst, n_total = (F.col(f"c.{name}").cast("bigint") for name in ("n", "n_src", "n_dst", "n_total"))
    counts = [value.alias(name) for value, name in ((n, "n"), (n_src, "n_src"), (n_dst, "n_dst"), (n_total, "n_total"))]
    known_at = F.coalesce(F.col("c.last_seen"), F.timestamp_seconds(F.lit(0)))
    derived = [npmi(n, n_src, n_dst, n_total).alias("npmi"), lift(n, n_src, n_dst, n_total).alias("lift")]
    return [*counts, F.col("c.decayed"), *derived, F.col("c.first_seen"), F.col("c.last_seen"), known_at.alias("known_at")]


def lift(n: Column, n_src: Column, n_dst: Column, n_total: Column) -> Column:
    """Return n * n_total / (n_src * n_dst): how much more often two items meet than if they did not know each other."""
    return n.cast("double") * n_total / (n_src.cast("double") * n_dst)


def npmi(n: Column, n_src: Column, n_dst: Column, n_total: Column) -> Column:
    """Return ln(lift) / -ln(n / n_total) in [-1, 1]; 1 where the two meet in every unit."""
    measured = F.log(lift(n, n_src, n_dst, n_total)) / -F.log(n.cast("double") / n_total)
    return F.when(n == n_total, F.lit(1.0)).otherwise(F.greatest(F.lit(-1.0), F.least(F.lit(1.0), measured)))


def declared_pairs(declared: DataFrame) -> DataFrame:
    """Return item_pairs rows of the edges that a source declares (with ``held``), as declared, in both graphs; counts are null."""
    edges = declared.groupBy(F.col("kind").alias("relation"), "src", "dst").agg(F.bool_or("held").alias("held"))
    graphs = F.when(F.col("held"), F.array(F.lit(FULL))).otherwise(F.array(F.lit(FULL), F.lit(EVALUATION)))
    return edges.select(F.explode(graphs).alias("graph"), "relation", "src", "dst", F.timestamp_seconds(F.lit(0)).alias("known_at"))


def leave_out_edges(pairs: DataFrame, holdout: DataFrame) -> DataFrame:
    """Leave the reserved edges ('relation|src|dst'), in both directions, out of the evaluation graph."""
    parts = F.split(F.col("id"), r"\|")
    one = holdout.where(F.col("kind") == "edge").select(parts[0].alias("relation"), parts[1].alias("src"), parts[2].alias("dst"))
    both = one.unionByName(one.select("relation", F.col("dst").alias("src"), F.col("src").alias("dst"))).distinct()
    reserved = both.withColumn("graph", F.lit(EVALUATION))
    return pairs.join(reserved, on=["graph", "relation", "src", "dst"], how="left_anti")
