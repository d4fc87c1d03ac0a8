"""Training is asked for once for what was measured, and not where a training is under way or waits to be served."""

from datetime import timedelta

import pytest

from goeswith import releases
from goeswith.drift.history import asked_training, read_asked
from goeswith.jobs import JobRun, load_job
from goeswith.leases import hold_lease
from goeswith.profile import Profile
from tests.unit.goeswith.drift import shop


@pytest.fixture
def moved(profile: Profile) -> Profile:
    """Return a home whose prices doubled since the served models were trained."""
    items = shop.item_rows()
    shop.release(profile, shop.TRAINED, items=items)
    shop.serve(profile)
    shop.export(profile, shop.TRAINED)
    shop.release(profile, "today", items=shop.changed(items, lambda row: {"price": row["price"] and 2 * row["price"]}))
    return profile


def test_a_limit_that_is_passed_asks_for_a_training_and_says_why(moved: Profile) -> None:
    found = shop.watch(moved).summary
    assert found["training"] == "monday-train"
    assert found["reason"].startswith(f"drift since release {shop.TRAINED}: items price EUR +")
    asked = asked_training(moved, "monday")
    assert asked is not None
    assert (asked.run, asked.reason) == (found["training"], found["reason"])


def test_a_run_that_is_repeated_asks_for_the_same_training(moved: Profile) -> None:
    first, again = shop.watch(moved).summary, shop.watch(moved).summary
    assert (first["training"], first["reason"]) == (again["training"], again["reason"])
    assert len(read_asked(moved)) == 1


def test_the_next_day_does_not_ask_for_the_same_again(moved: Profile) -> None:
    shop.watch(moved)
    next_day = shop.watch(moved, "tuesday").summary
    assert next_day["training"] is None
    assert next_day["why_not"].endswith("run monday-train")
    assert asked_training(moved, "tuesday") is None
    assert shop.alarms(moved, "tuesday") == {"items price EUR": "retrain"}


def test_after_the_cool_down_it_is_asked_for_again(moved: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.watch(moved)
    later = read_asked(moved)[0][0] + timedelta(days=7, seconds=1)
    monkeypatch.setattr("goeswith.drift.job.now", lambda: later)
    assert shop.watch(moved, "next monday").summary["training"] == "next monday-train"


def test_a_newer_training_that_is_not_served_yet_is_waited_for(moved: Profile) -> None:
    releases.write_release(moved, "sunday", releases.released_versions(moved))
    shop.export(moved, "sunday")
    assert shop.watch(moved).summary["why_not"] == "run sunday trained models from newer tables, which are not served yet: goeswith run publish"


def test_a_newer_training_that_is_served_is_the_new_reference(moved: Profile) -> None:
    releases.write_release(moved, "sunday", releases.released_versions(moved))
    shop.export(moved, "sunday")
    shop.serve(moved, "sunday")
    assert shop.watch(moved).summary["verdicts"].get("retrain") is None


def test_a_training_under_way_is_waited_for(moved: Profile) -> None:
    with hold_lease("train_mmsc", JobRun(profile=moved, run_id="by hand")):
        assert shop.watch(moved).summary["why_not"] == "run by hand is training"


def test_the_reason_stands_with_the_release_of_the_training(moved: Profile) -> None:
    params = {"reason": "drift: prices"}
    load_job("release").run(JobRun(profile=moved, run_id="monday-train", versions=releases.released_versions(moved), params=params))
    assert releases.read_release(moved, "monday-train").reason == "drift: prices"
    assert releases.read_release(moved, "today").reason is None
