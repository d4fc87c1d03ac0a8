"""Increments: new, late and corrected rows, in any order, and twice; the newest state of a row stands."""

import itertools
import random
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from goeswith.errors import ConfigError, DataContractError
from goeswith.jobs import JobRun
from goeswith.profile import Profile
from spark_jobs import ingest
from spark_jobs.row_checks import DETAIL, FIELDS, POSITION, ROW, RULE
from spark_jobs.settling import DUPLICATE, ID_CONFLICT, KEPT, OUTCOME, QUARANTINED, Rivals, kept_rows, settle_rows
from tests.own_shop import content, take_in, write_shop

pytestmark = pytest.mark.spark

STATE_TYPE = "event_id string, quantity int, recorded_at timestamp, happened_at timestamp"
DAY = "2024-01-0{} 00:00:00"
State = tuple[str, int, int | None]
"""Event id, quantity, and the day on which it was recorded."""


def states(spark: SparkSession, rows: list[State]) -> DataFrame:
    said = [(name, quantity, None if day is None else DAY.format(day), DAY.format(1)) for name, quantity, day in rows]
    frame = spark.createDataFrame(said, "event_id string, quantity int, recorded_at string, happened_at string")
    return frame.selectExpr("event_id", "quantity", "cast(recorded_at as timestamp)", "cast(happened_at as timestamp)")


def parsed(spark: SparkSession, rows: list[State]) -> DataFrame:
    """Return rows as parsing gives them; their text is their position."""
    kept = states(spark, rows).collect()
    own = f"{RULE} string, {DETAIL} string, {FIELDS} string, {ROW} string, {POSITION} bigint"
    rows = [(*row, None, None, None, str(at), at) for at, row in enumerate(kept)]
    return spark.createDataFrame(rows, f"{STATE_TYPE}, {own}")


def settle(spark: SparkSession, came: list[State], held: list[State], *, win_ties: bool = False) -> list[tuple[str, str | None]]:
    rivals = Rivals(states(spark, held), win_ties)
    rows = settle_rows(parsed(spark, came), "events", ("event_id",), rivals).orderBy(POSITION).collect()
    return [(row[OUTCOME], row[RULE]) for row in rows]


def test_a_later_state_replaces_an_earlier_one_loses_and_an_equal_one_is_a_duplicate(spark: SparkSession) -> None:
    held: list[State] = [("a", 1, 3), ("b", 1, 3), ("c", 1, 3), ("other", 1, 3)]
    came: list[State] = [("a", 2, 4), ("b", 2, 2), ("c", 1, 3), ("new", 1, None)]
    assert settle(spark, came, held) == [(KEPT, None), (QUARANTINED, ID_CONFLICT), (DUPLICATE, None), (KEPT, None)]


def test_of_equally_new_states_the_source_wins_but_a_replayed_one_does_not(spark: SparkSession) -> None:
    assert settle(spark, [("a", 2, 3)], [("a", 1, 3)]) == [(KEPT, None)]
    assert settle(spark, [("a", 2, 3)], [("a", 1, 3)], win_ties=True) == [(QUARANTINED, ID_CONFLICT)]


def test_a_state_without_a_record_is_as_new_as_the_event(spark: SparkSession) -> None:
    assert settle(spark, [("a", 2, None)], [("a", 1, 2)]) == [(QUARANTINED, ID_CONFLICT)]
    assert settle(spark, [("a", 2, 2)], [("a", 1, None)]) == [(KEPT, None)]


def test_a_value_that_moves_to_another_column_is_no_duplicate(spark: SparkSession) -> None:
    frame = parsed(spark, [("a", 1, 1), ("a", 1, 1)])
    moved = frame.selectExpr("event_id", f"if({POSITION} = 0, 'x', null) as title", f"if({POSITION} = 1, 'x', null) as brand", *frame.columns[4:])
    outcomes = [row[OUTCOME] for row in settle_rows(moved, "none", ("event_id",)).orderBy(POSITION).collect()]
    assert outcomes == [QUARANTINED, KEPT]


@pytest.mark.parametrize("seed", range(2))
def test_in_whatever_batches_and_order_states_come_the_same_ones_stand(spark: SparkSession, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 - a history, no secret
    history: list[State] = [(name, rng.randint(0, 3), day) for name, day in itertools.product("abcde", (2, 3, 4)) if rng.random() < 0.8]
    newest = {name: (name, quantity) for name, quantity, _ in sorted(history, key=lambda state: (state[0], state[2]))}
    rng.shuffle(history)
    cuts = sorted(rng.sample(range(len(history)), 2))
    held: list[State] = []
    for batch in (history[: cuts[0]], history[cuts[0] : cuts[1]], history[cuts[1] :], history[: cuts[1]]):
        kept = kept_rows(settle_rows(parsed(spark, batch), "events", ("event_id",), Rivals(states(spark, held)))).collect()
        changed = {row["event_id"]: (row["event_id"], row["quantity"], row["recorded_at"].day) for row in kept}
        held = [state for state in held if state[0] not in changed] + list(changed.values())
    assert {name: (name, quantity) for name, quantity, _ in held} == newest


PAN = {"item_id": "pan", "title": "Pan", "price": "5", "known_at": "2024-01-02"}
LID = {"item_id": "lid", "title": "Lid"}
BOUGHT = {
    "event_id": "1",
    "basket_id": "b",
    "user_id": "customer-0001",
    "item_id": "pan",
    "quantity": "2",
    "happened_at": "2024-01-03",
    "kind": "purchase",
}
WOK = {**BOUGHT, "event_id": "2", "item_id": "wok"}


def test_an_increment_adds_corrects_and_cancels_and_nothing_goes(spark: SparkSession, profile: Profile, tmp_path: Path) -> None:
    take_in(profile, write_shop(tmp_path / "1", [PAN, LID], [BOUGHT, WOK]), mode="snapshot")
    older, newer = {**PAN, "title": "Old pan", "known_at": "2024-01-01"}, {**PAN, "title": "New pan", "known_at": "2024-01-05"}
    cancelled = {**BOUGHT, "cancelled": "true", "recorded_at": "2024-01-04"}
    returned = {**BOUGHT, "event_id": "3", "item_id": "lid", "kind": "return", "quantity": "1"}
    second = write_shop(tmp_path / "2", [older], [cancelled, returned])
    done = take_in(profile, second)
    assert done.summary["rows"]["items"] == {"in": 1, "kept": 0, "quarantined": 1, "duplicates": 0}
    assert content(profile, "items", "item_id", "title") == [("lid", "Lid"), ("pan", "Pan")]
    assert content(profile, "events", "event_id", "kind", "quantity") == [("1", "purchase", 0), ("3", "return", 1)]
    assert content(profile, "quarantine", "rule") == [("id_conflict",), ("item_unknown",)]
    assert take_in(profile, second, run="again").versions == done.versions
    third = take_in(profile, write_shop(tmp_path / "3", [newer], [{**BOUGHT, "quantity": "5"}]))
    assert content(profile, "items", "item_id", "title", "price") == [("lid", "Lid", None), ("pan", "New pan", 5.0)]
    assert content(profile, "events", "event_id", "quantity") == [("1", 0), ("3", 1)]  # what came late cannot bring it back
    assert third.summary["rules"] == {"id_conflict": 1}


def test_only_what_names_the_quarantine_may_choose_from_it(profile: Profile, spark: SparkSession) -> None:
    with pytest.raises(ConfigError, match="choose rows of the quarantine"):
        ingest.run(JobRun(profile=profile, run_id="r", params={"rule": "item_unknown"}))
    with pytest.raises(ConfigError, match="no quarantine to replay"):
        ingest.run(JobRun(profile=profile, run_id="r", params={"mode": "replay"}))


def test_an_unknown_mode_is_refused_with_the_legal_ones(profile: Profile) -> None:
    with pytest.raises(ConfigError, match="'snapshot', 'increment' or 'replay'"):
        ingest.run(JobRun(profile=profile, run_id="r", params={"mode": "append"}))


def test_titles_and_pictures_of_items_that_did_not_come_are_kept_and_join_new_groups(spark: SparkSession, profile: Profile, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"item_id": "b", "title": "Frying pan, 24 cm"}, {"item_id": "c", "title": "Lid"}]
    take_in(profile, write_shop(tmp_path / "1", rows), mode="snapshot")
    assert content(profile, "items", "item_id", "same_title_as") == [("b", None), ("c", None)]
    done = take_in(profile, write_shop(tmp_path / "2", [{"item_id": "a", "title": "frying PAN 24 cm"}]))
    assert content(profile, "items", "item_id", "same_title_as") == [("a", "a"), ("b", "a"), ("c", None)]
    assert done.summary["same_titles"] == {"items": 2, "groups": 1}
    take_in(profile, write_shop(tmp_path / "3", [{"item_id": "a", "title": "Ladle", "known_at": "2024-01-01"}]))
    assert content(profile, "items", "item_id", "same_title_as") == [("a", None), ("b", None), ("c", None)]


def test_a_batch_whose_values_no_longer_parse_stops_before_anything_is_written(spark: SparkSession, profile: Profile, tmp_path: Path) -> None:
    priced: list[dict[str, Any]] = [{"item_id": f"i{n}", "title": f"item {n}", "price": n} for n in range(30)]
    take_in(profile, write_shop(tmp_path / "1", priced), mode="snapshot")
    before = content(profile, "items", "item_id", "price")
    with pytest.raises(DataContractError, match="30 of 30 rows break price_unreadable, and last time 0% did"):
        take_in(profile, write_shop(tmp_path / "2", [{**row, "price": "on request"} for row in priced]))
    assert content(profile, "items", "item_id", "price") == before
    assert content(profile, "quarantine", "rule") == []
