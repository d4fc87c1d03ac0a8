"""``goeswith runs`` says what runs did and took, and why a step failed."""

import json
import os
from typing import Any

import pytest
from typer.testing import CliRunner

from goeswith import records
from goeswith.command.main import app
from goeswith.errors import ConfigError
from goeswith.jobs import JobResult, JobRun
from goeswith.profile import Profile
from goeswith.results import write_json
from goeswith.run_history import last_runs, last_steps, read_steps
from goeswith.usage import Usage

STARTED = 1_780_000_000


def write_step(profile: Profile, run: str, step: str, at: int, **summary: Any) -> None:
    path = records.write_record("judge_edges", step, JobRun(profile=profile, run_id=run), JobResult(summary=summary), Usage(2.0, 3.0, 0.5))
    os.utime(path, (STARTED + at, STARTED + at))


def write_failure(profile: Profile, run: str, step: str, at: int) -> None:
    path = records.failure_path(profile, run, step)
    write_json(path, {"job": step, "kind": "GateFailed", "what": "12 rows have no price", "remedy": "mend them"})
    os.utime(path, (STARTED + at, STARTED + at))


@pytest.fixture
def shop(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> Profile:
    """Return a home with two runs, of which the second failed."""
    write_step(profile, "monday", "judge_edges", 0, tokens=70, cost=0.25)
    write_step(profile, "monday", "gate_sets", 5)
    write_step(profile, "tuesday", "judge_edges", 10, tokens=30, cost=0.5)
    write_failure(profile, "tuesday", "gate_sets", 20)
    monkeypatch.setenv("GOESWITH_HOME", str(profile.home))
    return profile


def told(*words: str) -> Any:
    return json.loads(CliRunner().invoke(app, ["runs", *words, "--json"]).stdout)


def test_runs_are_listed_with_what_they_took_the_newest_first(shop: Profile) -> None:
    tuesday, monday = told()
    assert (tuesday["run"], tuesday["failed"], tuesday["tokens"], tuesday["cost"]) == ("tuesday", ["gate_sets"], 30, 0.5)
    assert (monday["seconds"], monday["cpu_seconds"], monday["gpu_seconds"], monday["rows"]) == (4.0, 6.0, 1.0, 0)


def test_a_run_is_told_step_by_step_in_the_order_of_their_ends(shop: Profile) -> None:
    steps = told("tuesday")
    assert [(step["step"], step["error"]) for step in steps] == [("judge_edges", None), ("gate_sets", "12 rows have no price")]


def test_people_see_a_table(shop: Profile) -> None:
    shown = CliRunner().invoke(app, ["runs", "tuesday"]).stdout
    assert "judge_edges" in shown
    assert "12 rows" in shown


@pytest.mark.parametrize("run", ["nonsense", "../..", ".."])
def test_a_run_that_is_not_there_is_an_error_that_says_what_to_do(shop: Profile, run: str) -> None:
    with pytest.raises(ConfigError, match="goeswith runs"):
        read_steps(shop, run)


def test_of_each_step_its_last_end_counts(shop: Profile) -> None:
    newest = last_steps(shop, 10)
    assert {name: (step.run, step.error is None) for name, step in newest.items()} == {
        "judge_edges": ("tuesday", True),
        "gate_sets": ("tuesday", False),
    }
    assert last_runs(shop, 1) == ["tuesday"]


def test_before_the_first_run_nothing_is_told(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOESWITH_HOME", str(profile.home))
    assert told() == []
    assert "nothing ran yet" in CliRunner().invoke(app, ["runs"]).stdout
