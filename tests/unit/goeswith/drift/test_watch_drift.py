"""The job on a small lake: planted shifts are found, none is seen where there is none, and a run measures once."""

import math
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from goeswith import lake, releases
from goeswith.drift import job
from goeswith.drift.history import read_last, read_run
from goeswith.drift.limits import Config
from goeswith.errors import ConfigError
from goeswith.jobs import JobRun
from goeswith.profile import Profile, load_profile
from tests.tiny_shop import write_tiny_lake
from tests.unit.goeswith.drift import shop

BEFORE, AFTER = (16, 30), (2, 16)
"""Days ago: the two windows of a measurement."""


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home with a whole shop, and models that were trained from it and are served."""
    profile = load_profile(overrides={"home": tmp_path_factory.mktemp("drawn")})
    shop.release_all(profile)
    shop.serve(profile)
    return profile.home


@pytest.fixture
def trained(drawn: Path, profile: Profile) -> Profile:
    """Return a home like it that a test may change."""
    shutil.copytree(drawn, profile.home, dirs_exist_ok=True)
    return profile


def test_the_same_population_drawn_again_alarms_nobody(trained: Profile) -> None:
    for seed in (1, 2, 3):
        shop.release_all(trained, f"day {seed}", seed)
        shop.watch(trained, f"run {seed}")
        assert len(read_run(trained, f"run {seed}")) > 20
        assert shop.alarms(trained, f"run {seed}") == {}


def test_what_is_served_right_after_training_has_not_moved_at_all(trained: Profile) -> None:
    shop.watch(trained)
    rows = [row for row in read_run(trained, "monday") if row["name"] != "per_day"]
    assert {row["value"] for row in rows} <= {0.0, None}
    assert {row["reference"] for row in rows} == {shop.TRAINED}


DOUBLED = "items price EUR"
SHIFTS: list[tuple[str, Any, dict[str, str]]] = [
    ("prices doubled", lambda row: {"price": row["price"] and 2 * row["price"]}, {DOUBLED: "retrain"}),
    ("no pictures any more", lambda _: {"image": None}, {"items without_picture": "ticket"}),
    ("titles cut short", lambda row: {"title": row["title"][:8]}, {"items title_length": "retrain"}),
    ("sold out", lambda _: {"available": False}, {"items available": "ticket"}),
    ("another currency", lambda _: {"currency": "USD"}, {"items currency": "retrain"}),
    (
        "a category vanishes",
        lambda row: {"category": ["home", "pans"] if row["category"] == ["home", "spoons"] else row["category"]},
        {"items category": "retrain"},
    ),
    (
        "a department is renamed",
        lambda row: {"category": row["category"] and [row["category"][0].replace("sport", "outdoor"), row["category"][1]]},
        {"items category": "retrain", "items department": "retrain"},
    ),
]


@pytest.mark.parametrize(("change", "found"), [shift[1:] for shift in SHIFTS], ids=[shift[0] for shift in SHIFTS])
def test_a_shift_of_the_catalogue_is_found_and_nothing_else(trained: Profile, change: Any, found: dict[str, str]) -> None:
    shop.release(trained, "today", items=shop.changed(shop.item_rows(), change))
    shop.watch(trained)
    assert shop.alarms(trained) == found


def test_baskets_that_grow_and_items_that_nobody_knew_are_found(trained: Profile) -> None:
    last = shop.LAST_EVENT + timedelta(days=40)
    new = [{**row, "item_id": f"new-{row['item_id']}"} for row in shop.event_rows(5, last)]
    more = [{**row, "event_id": f"{row['event_id']}-{k}", "item_id": f"{row['item_id']}-{k}"} for k in range(5) for row in new]
    shop.release(trained, "today", events=more)
    shop.watch(trained, min_rows=200)
    assert shop.alarms(trained) == {"events basket_size": "retrain", "events new_items": "retrain"}


def test_a_stream_that_thins_out_is_found_and_training_is_not_the_answer(trained: Profile) -> None:
    last = shop.LAST_EVENT + timedelta(days=40)
    shop.release(trained, "today", events=shop.event_rows(5, last, num_baskets=100))
    shop.watch(trained, min_rows=100)
    assert shop.alarms(trained) == {"events per_day": "ticket"}


def test_a_clock_that_runs_years_ahead_does_not_move_the_windows(trained: Profile) -> None:
    ahead = {**shop.event_rows(5)[0], "event_id": "ahead", "happened_at": shop.TODAY + timedelta(days=3650)}
    shop.release(trained, "today", events=[*shop.event_rows(5, shop.LAST_EVENT + timedelta(days=40)), ahead])
    shop.watch(trained)
    assert shop.alarms(trained) == {}
    assert shop.verdicts(trained)["events kind"] == "fine"


def test_edges_and_scores_that_move_are_found(trained: Profile) -> None:
    edges = shop.changed(shop.edge_rows(), lambda row: {"weight": row["weight"] / 2})
    lists = [row for row in shop.list_rows() if row["type"] == "complement"]
    for row in lists:
        row["neighbours"] = shop.changed(row["neighbours"], lambda found: {"score": found["score"] / 2})
    shop.release(trained, "today", relations=edges, item_neighbours=lists)
    shop.watch(trained)
    assert shop.alarms(trained) == {"edges weight substitute": "retrain", "edges weight complement": "retrain", "scores score complement": "retrain"}


def test_lists_that_are_gone_are_found(trained: Profile) -> None:
    emptied = [{**row, "neighbours": []} for row in shop.list_rows()[:300]]
    shop.release(trained, "today", item_neighbours=emptied)
    shop.watch(trained)
    assert shop.alarms(trained) == {"coverage listed substitute": "ticket"}


def test_click_through_that_halves_is_found_for_its_source_alone(trained: Profile) -> None:
    steady = [shop.feedback_rows(seed, days, 0.2, source="model") for seed, days in ((1, BEFORE), (2, AFTER))]
    halved = [shop.feedback_rows(3, BEFORE, 0.2), shop.feedback_rows(4, AFTER, 0.1)]
    shop.write_feedback(trained, *steady, *halved)
    shop.watch(trained)
    assert shop.alarms(trained) == {"reactions clicks precomputed": "retrain"}


def test_clicks_that_stop_altogether_are_found(trained: Profile) -> None:
    shop.write_feedback(trained, shop.feedback_rows(3, BEFORE, 0.2), shop.feedback_rows(4, AFTER, 0.0))
    shop.watch(trained)
    assert shop.alarms(trained) == {"reactions clicks precomputed": "retrain"}


def test_a_handful_of_clicks_triggers_nothing(trained: Profile) -> None:
    shop.write_feedback(trained, shop.feedback_rows(3, BEFORE, 0.01, num_units=300), shop.feedback_rows(4, AFTER, 0.0, num_units=300))
    shop.watch(trained)
    assert shop.alarms(trained) == {}
    assert shop.verdicts(trained)["reactions clicks precomputed"] == "too_few"


def test_bestsellers_in_the_place_of_lists_are_found(trained: Profile) -> None:
    lists = [shop.feedback_rows(seed, days, 0.2) for seed, days in ((1, BEFORE), (2, AFTER))]
    shop.write_feedback(trained, *lists, shop.feedback_rows(3, AFTER, 0.2, source="category_bestseller"))
    shop.watch(trained)
    assert shop.alarms(trained) == {"reactions fallbacks": "ticket"}


def test_a_purchase_counts_for_the_answer_that_it_names_for_a_day(trained: Profile) -> None:
    answers = [shop.feedback_rows(1, BEFORE, 0.2), shop.feedback_rows(2, AFTER, 0.2)]
    clicks = [[row for row in rows if row["kind"] == "click"] for rows in answers]
    late = timedelta(days=1)
    bought = [{**row, "kind": "purchase", "event_id": f"p-{row['event_id']}"} for row in clicks[0]]
    too_late = [{**row, "kind": "purchase", "event_id": f"p-{row['event_id']}", "happened_at": row["happened_at"] + late} for row in clicks[1]]
    shop.write_feedback(trained, *answers, bought, too_late)
    shop.watch(trained)
    assert shop.alarms(trained) == {"reactions purchases precomputed": "retrain"}


def test_a_lake_without_anything_is_not_measured(profile: Profile) -> None:
    assert shop.watch(profile).summary == {"measures": 0, "verdicts": {}, "training": None, "reason": None, "why_not": None}
    assert lake.current_version(profile, "drift") is None


def test_without_models_and_without_a_former_release_nothing_is_compared(profile: Profile) -> None:
    shop.release_all(profile)
    assert shop.watch(profile).summary["measures"] == 0


def test_without_models_the_release_before_is_the_reference_and_nothing_is_trained(profile: Profile) -> None:
    shop.release_all(profile, "yesterday")
    shop.release(profile, "today", items=shop.changed(shop.item_rows(), lambda row: {"price": row["price"] and 2 * row["price"]}))
    found = shop.watch(profile).summary
    assert shop.alarms(profile) == {DOUBLED: "retrain"}
    assert {row["reference"] for row in read_run(profile, "monday")} == {"yesterday"}
    assert (found["training"], found["why_not"]) == (None, "no models are served that could be replaced by better ones")


def test_a_release_that_may_not_be_read_is_no_reference(trained: Profile) -> None:
    shop.release(trained, "second", items=shop.item_rows(1))
    shop.release(trained, "third", items=shop.item_rows(2))
    releases.invalidate_releases(trained, [shop.TRAINED], "somebody was forgotten")
    shop.watch(trained)
    assert {row["reference"] for row in read_run(trained, "monday")} == {"second"}


def test_empty_tables_and_a_single_item_say_that_they_say_nothing(profile: Profile) -> None:
    item = shop.item_rows()[:1]
    shop.release(profile, shop.TRAINED, items=item, events=[], relations=[], item_neighbours=[])
    shop.serve(profile)
    shop.release(profile, "today", items=shop.changed(item, lambda _: {"price": 9e6, "category": None, "image": None}))
    shop.watch(profile)
    assert set(shop.verdicts(profile).values()) == {"too_few"}


@pytest.mark.parametrize("price", [math.nan, math.inf, -5.0, 0.0])
def test_prices_that_have_no_logarithm_are_a_bin_of_their_own(trained: Profile, price: float) -> None:
    shop.release(trained, "today", items=shop.changed(shop.item_rows(), lambda row: {"price": row["price"] and price}))
    shop.watch(trained)
    assert shop.alarms(trained) == {DOUBLED: "retrain"}


def test_a_value_that_is_an_empty_text_is_no_tail(trained: Profile) -> None:
    shop.release(trained, "today", items=shop.changed(shop.item_rows(), lambda row: {"brand": row["brand"] and ""}))
    shop.watch(trained)
    assert shop.alarms(trained) == {"items brand": "retrain"}


def test_a_feed_that_makes_up_currencies_does_not_make_up_measures(trained: Profile) -> None:
    shop.release(trained, "today", items=shop.changed(shop.item_rows(), lambda row: {"currency": row["item_id"]}))
    shop.watch(trained)
    assert shop.alarms(trained) == {"items currency": "retrain"}
    assert len([name for name in shop.verdicts(trained) if name.startswith("items price")]) == 10


def test_brands_in_quotes_are_values_and_no_query(profile: Profile) -> None:
    for name in (shop.TRAINED, "today"):
        shop.release(profile, name, items=shop.changed(shop.item_rows(), lambda _: {"brand": "O'Brien\\' OR 1=1 --"}))
    shop.serve(profile)
    shop.watch(profile)
    assert shop.verdicts(profile)["items brand"] == "fine"


def test_events_without_times_are_compared_as_a_whole(profile: Profile) -> None:
    for name, seed in ((shop.TRAINED, 0), ("today", 1)):
        shop.release(profile, name, items=shop.item_rows(), events=shop.changed(shop.event_rows(seed), lambda _: {"happened_at": None}))
    shop.serve(profile)
    shop.watch(profile)
    found = {name: verdict for name, verdict in shop.verdicts(profile).items() if name.startswith("events")}
    assert found == {"events kind": "fine", "events basket_size": "fine", "events new_items": "fine"}


def test_the_tiny_shop_of_other_tests_is_measured_against_its_own_training(profile: Profile) -> None:
    write_tiny_lake(profile, shop.TRAINED)
    shop.serve(profile)
    shop.watch(profile, min_rows=10)
    assert shop.alarms(profile) == {}
    assert "fine" in shop.verdicts(profile).values()


def test_a_job_killed_between_measuring_and_its_commit_leaves_the_same_rows(trained: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.write_feedback(trained, shop.feedback_rows(1, BEFORE, 0.2), shop.feedback_rows(2, AFTER, 0.1))
    lost, _ = job.build_rows(JobRun(profile=trained, run_id="monday"), Config(), shop.TODAY)
    with monkeypatch.context() as killed:
        killed.setattr(job, "write_rows", interrupt)
        with pytest.raises(KeyboardInterrupt):
            shop.watch(trained)
    assert read_run(trained, "monday") == []
    shop.watch(trained)
    assert without_time(read_run(trained, "monday")) == without_time(lost)


def interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def without_time(rows: list[dict[str, Any]]) -> list[tuple[tuple[str, Any], ...]]:
    return sorted((tuple((name, value) for name, value in sorted(row.items()) if name != "measured_at") for row in rows), key=str)


def test_a_run_measures_once_whatever_comes_later(trained: Profile) -> None:
    shop.watch(trained)
    rows, version = read_run(trained, "monday"), lake.current_version(trained, "drift")
    shop.release(trained, "today", items=shop.item_rows(1))
    assert shop.watch(trained).summary["unchanged"]
    assert (read_run(trained, "monday"), lake.current_version(trained, "drift")) == (rows, version)


def test_the_last_measurement_is_shown_and_the_worst_of_it_first(trained: Profile) -> None:
    shop.watch(trained, "first")
    shop.release(trained, "today", items=shop.changed(shop.item_rows(), lambda _: {"image": None}))
    shop.watch(trained, "a later one")
    rows = read_last(trained)
    assert {row["run"] for row in rows} == {"a later one"}
    assert (rows[0]["name"], rows[0]["verdict"]) == ("without_picture", "ticket")


@pytest.mark.parametrize("params", [{"feed": {"ticket": -1}}, {"distribution": {"ticket": 0.3, "retrain": 0.2}}, {"window": 3}, {"min_rows": 0}])
def test_limits_that_make_no_sense_are_refused(profile: Profile, params: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="job watch_drift"):
        shop.watch(profile, **params)
