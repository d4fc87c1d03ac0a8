"""Robots and resellers are refused as they came, by rule; people are left alone."""

from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from goeswith.config import parse_config
from goeswith.errors import ConfigError
from spark_jobs.ingest import Config
from spark_jobs.robots import Limits, mark_robots
from spark_jobs.row_checks import RULE
from spark_jobs.settling import DUPLICATE, KEPT, OUTCOME
from tests.integration.test_pairs import rows_of
from tests.naive_pairs import event

pytestmark = pytest.mark.spark

FEW = Limits(max_events_per_day=3, max_basket_lines=4, max_pieces=9)


def viewed(user: str | None, day: int, names: range, basket: str = "") -> list[dict[str, Any]]:
    return [{**event(basket or f"s{user}{n}", "x", user=user, day=day), "event_id": f"{user}{day}{basket}{n}"} for n in names]


def settled(spark: SparkSession, rows: list[dict[str, Any]], outcome: str = KEPT) -> DataFrame:
    return rows_of(spark, "events", rows).withColumns({OUTCOME: F.lit(outcome), RULE: F.lit(None).cast("string"), "_detail": F.lit("")})


def judged(spark: SparkSession, events: DataFrame, held: list[dict[str, Any]] | None = None) -> dict[str, str | None]:
    """Return the rule that each event broke, None for those that are kept."""
    before = None if held is None else rows_of(spark, "events", held)
    marked = mark_robots(events, before, FEW)
    assert marked.columns == events.columns
    return {row["event_id"]: row[RULE] for row in marked.collect()}


def test_people_pass_untouched_and_nothing_is_planned_for_them(spark: SparkSession) -> None:
    events = settled(spark, viewed("ann", 1, range(3)) + viewed("ann", 2, range(3)) + viewed(None, 1, range(9)))
    assert mark_robots(events, None, FEW) is events


def test_a_user_with_too_many_events_on_a_day_loses_that_day_only(spark: SparkSession) -> None:
    found = judged(spark, settled(spark, viewed("bot", 1, range(4)) + viewed("bot", 2, range(2)) + viewed("ann", 1, range(1))))
    assert {name for name, rule in found.items() if rule == "robot_rate"} == {f"bot1{n}" for n in range(4)}
    assert {rule for name, rule in found.items() if not name.startswith("bot1")} == {None}


def test_a_basket_of_too_many_lines_or_pieces_is_a_resellers(spark: SparkSession) -> None:
    pallet = [{**row, "quantity": 10} for row in viewed("eve", 1, range(1), "pallet")]
    found = judged(spark, settled(spark, viewed(None, 1, range(5), "bulk") + pallet + viewed("ann", 1, range(2), "cart")))
    assert {name for name, rule in found.items() if rule == "reseller_basket"} == {*(f"None1bulk{n}" for n in range(5)), "eve1pallet0"}


def test_rows_that_were_no_new_events_make_no_robot(spark: SparkSession) -> None:
    again = settled(spark, viewed("ann", 1, range(3, 9)), DUPLICATE)
    assert set(judged(spark, settled(spark, viewed("ann", 1, range(3))).unionByName(again)).values()) == {None}


def test_in_an_increment_what_the_lake_holds_of_the_day_and_basket_counts_once(spark: SparkSession) -> None:
    held = viewed("ann", 1, range(3)) + viewed("eve", 9, range(3))
    corrected = settled(spark, viewed("ann", 1, range(3)))
    assert set(judged(spark, corrected, held).values()) == {None}
    more = settled(spark, viewed("ann", 1, range(3, 4)) + viewed("eve", 1, range(1)))
    assert judged(spark, more, held) == {"ann13": "robot_rate", "eve10": None}
    basket = viewed(None, 1, range(4), "bulk")
    assert judged(spark, settled(spark, viewed(None, 1, range(4, 5), "bulk")), basket) == {"None1bulk4": "reseller_basket"}


def test_limits_are_parameters_of_the_job_and_checked() -> None:
    assert parse_config(Config, {"robots": {"max_pieces": 5}}, where="x").robots == Limits(max_pieces=5)
    with pytest.raises(ConfigError, match="max_speed"):
        parse_config(Config, {"robots": {"max_speed": 5}}, where="x")
    with pytest.raises(ConfigError, match="greater than or equal to 1"):
        parse_config(Config, {"robots": {"max_pieces": 0}}, where="x")
