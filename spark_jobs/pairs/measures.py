"""What follows from the counts of a pair: how much more often than by chance two items meet, and how sure that is.

Lift and NPMI: Bouma, "Normalized (pointwise) mutual information in collocation extraction" (2009), with a unit (basket, session or user)
as the event: p(i) = n_i / n_total. The bound: Wilson (1927), for a share.
"""

from pyspark.sql import Column
from pyspark.sql import functions as F

Z = 1.96
"""Of a two-sided interval of 95%."""


def lift(n: Column, n_src: Column, n_dst: Column, n_total: Column) -> Column:
    """Return n * n_total / (n_src * n_dst): how much more often two items meet than if they did not know each other."""
    return n.cast("double") * n_total / (n_src.cast("double") * n_dst)


def npmi(n: Column, n_src: Column, n_dst: Column, n_total: Column) -> Column:
    """Return ln(lift) / -ln(n / n_total) in [-1, 1]; 1 where the two meet in every unit."""
    measured = F.log(lift(n, n_src, n_dst, n_total)) / -F.log(n.cast("double") / n_total)
    return F.when(n == n_total, F.lit(1.0)).otherwise(F.greatest(F.lit(-1.0), F.least(F.lit(1.0), measured)))


def lift_low(n: Column, n_src: Column, n_dst: Column, n_total: Column) -> Column:
    """Return the lower bound of the lift: of the two shares n / n_src and n / n_dst the one that promises less, by Wilson's interval."""
    from_src = wilson_low(n, n_src) * n_total / n_dst
    from_dst = wilson_low(n, n_dst) * n_total / n_src
    return F.least(from_src, from_dst)


def wilson_low(n: Column, of: Column) -> Column:
    """Return the lower end of Wilson's 95% interval of the share n / of."""
    share, z2 = n.cast("double") / of, F.lit(Z * Z)
    spread = Z * F.sqrt(share * (1 - share) / of + z2 / (4 * of * of))
    return F.greatest(F.lit(0.0), (share + z2 / (2 * of) - spread) / (1 + z2 / of))
