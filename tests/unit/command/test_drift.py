"""``goeswith drift`` shows the last measurement, the worst first; ``goeswith run drift`` trains where that is asked for."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from goeswith.command import run
from goeswith.command.main import app
from goeswith.profile import Profile
from tests.unit.goeswith.drift import shop


@pytest.fixture(autouse=True)
def _home(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOESWITH_HOME", str(profile.home))
    monkeypatch.setenv("COLUMNS", "250")


@pytest.fixture
def moved(profile: Profile) -> Profile:
    """Return a home whose prices doubled since training, measured on monday."""
    items = shop.item_rows()
    shop.release(profile, shop.TRAINED, items=items)
    shop.serve(profile)
    shop.release(profile, "today", items=shop.changed(items, lambda row: {"price": row["price"] and 2 * row["price"]}))
    shop.watch(profile)
    return profile


def shown(*words: str) -> str:
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == 0, done.output
    return done.output


def test_without_a_measurement_it_says_how_to_get_one() -> None:
    assert "goeswith run drift" in shown("drift")
    assert json.loads(shown("drift", "--json")) == []


def test_the_worst_comes_first_with_what_to_do_and_the_training_that_is_asked_for(moved: Profile) -> None:
    lines = shown("drift").splitlines()
    first = next(line for line in lines if "items" in line)
    assert "retrain" in first
    assert "items price EUR" in first
    assert "prices lie elsewhere" in first
    assert "training is asked for: run monday-train" in lines[-1]


def test_json_says_all_of_it(moved: Profile) -> None:
    rows: list[dict[str, Any]] = json.loads(shown("drift", "--json"))
    assert (rows[0]["name"], rows[0]["verdict"], rows[0]["training"]) == ("price", "retrain", "monday-train")
    assert all(row["means"] and row["remedy"] for row in rows)


def test_a_drift_run_without_a_scheduler_trains_what_it_asked_for_and_says_why(moved: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[tuple[Any, ...]] = []
    monkeypatch.setattr(run, "run_dag", lambda *what: done.append(what[1:]))
    said = shown("run", "drift", "--run", "monday")
    assert done[0] == ("drift", "monday", {})
    assert done[1][:2] == ("train", "monday-train")
    assert done[1][2]["release_models"]["reason"] in said


def test_a_drift_run_that_asked_for_nothing_ends_there(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[tuple[Any, ...]] = []
    monkeypatch.setattr(run, "run_dag", lambda *what: done.append(what[1:]))
    shown("run", "drift", "--run", "monday")
    assert [what[0] for what in done] == ["drift"]
