"""Who is no shopper: users with more events on a day, and baskets with more lines or pieces, than a person has.

Judged are the events that were kept: a file that came twice makes nobody a robot. In an increment the lake's events of the same
users, days and baskets count too; those that stand in the lake already stay there.
"""

from functools import reduce
from typing import Annotated, NamedTuple

from pydantic import Field
from pydantic.dataclasses import dataclass
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from goeswith.config import STRICT
from spark_jobs.row_checks import DETAIL, RULE
from spark_jobs.settling import KEPT, OUTCOME, QUARANTINED

ROBOT_RATE, RESELLER_BASKET = "robot_rate", "reseller_basket"
Limit = Annotated[int, Field(ge=1)]


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Limits:
    """The most that passes for a person: events of a user on one day (UTC), lines of a basket or session, pieces in one line."""

    max_events_per_day: Limit = 2_000
    max_basket_lines: Limit = 1_000
    max_pieces: Limit = 10_000


class _Rule(NamedTuple):
    """Kept events ``among`` all, grouped by ``by``, break ``name`` where ``broken`` holds of their lines and most pieces."""

    name: str
    by: tuple[str, ...]
    broken: Column
    detail: Column
    among: Column


def mark_robots(events: DataFrame, held: DataFrame | None, limits: Limits) -> DataFrame:
    """Quarantine the kept ones of ``events`` (settled) that no person caused; ``held`` are the lake's, where they count.

    Where there are none, ``events`` comes back as it is, for the price of two sums.
    """
    dated = events.withColumn("_day", F.to_date("happened_at"))
    kept = dated.where(F.col(OUTCOME) == KEPT)
    found = [(rule, _find_robots(kept, held, rule)) for rule in _list_rules(limits)]
    if reduce(DataFrame.union, (robots.select("_why") for _, robots in found)).isEmpty():
        return events
    for rule, robots in found:
        dated = _quarantine(dated, robots, rule)
    return dated.select(*events.columns)


def _list_rules(limits: Limits) -> tuple[_Rule, _Rule]:
    lines, most = F.col("_lines"), F.col("_most")
    basket = F.format_string("basket of %d lines, of one item at most %d pieces", lines, most)
    rate = F.format_string("%d events of one user on %s", lines, F.col("_day").cast("string"))
    huge = (lines > limits.max_basket_lines) | (most > limits.max_pieces)
    known = F.col("user_id").isNotNull() & F.col("_day").isNotNull()
    return (
        _Rule(RESELLER_BASKET, ("basket_id",), huge, basket, among=F.lit(True)),
        _Rule(ROBOT_RATE, ("user_id", "_day"), lines > limits.max_events_per_day, rate, among=known),
    )


def _find_robots(kept: DataFrame, held: DataFrame | None, rule: _Rule) -> DataFrame:
    """Return the groups that break a rule, with ``_detail``: at most one a few thousand events."""
    counted = kept.where(rule.among).select(*rule.by, "quantity")
    if held is not None:
        before = held.withColumn("_day", F.to_date("happened_at")).join(kept.select("event_id"), on="event_id", how="left_anti")
        counted = counted.unionByName(before.select(*rule.by, "quantity").join(counted, on=list(rule.by), how="left_semi"))
    groups = counted.groupBy(*rule.by).agg(F.count(F.lit(1)).alias("_lines"), F.max("quantity").alias("_most"))
    return groups.where(rule.broken).select(*rule.by, rule.detail.alias("_why"))


def _quarantine(events: DataFrame, robots: DataFrame, rule: _Rule) -> DataFrame:
    """Refuse the kept events of ``robots``, which are few enough to be sent to every worker."""
    joined = events.join(F.broadcast(robots), on=list(rule.by), how="left")
    caught = (F.col(OUTCOME) == KEPT) & F.col("_why").isNotNull()
    verdict = {OUTCOME: F.lit(QUARANTINED), RULE: F.lit(rule.name), DETAIL: F.col("_why")}
    return joined.withColumns({name: F.when(caught, value).otherwise(F.col(name)) for name, value in verdict.items()}).drop("_why")
