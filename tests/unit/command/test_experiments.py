"""``goeswith experiments``: from start to readout, as text and as JSON."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from goeswith.command.main import app, call
from goeswith.profile import Profile
from tests.unit.goeswith.experiments.shop import row, write

ARMS = '{"a": {"share": 0.5}, "b": {"share": 0.5, "steps": ["model"]}}'


@pytest.fixture(autouse=True)
def _home(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOESWITH_HOME", str(profile.home))
    monkeypatch.setenv("COLUMNS", "250")


def run(*words: str) -> str:
    done = CliRunner().invoke(app, ["experiments", *words])
    assert done.exit_code == 0, done.output
    return done.output


def start(name: str = "lists", question: str = "substitute") -> Any:
    rails = '{"empty": 0.05, "purchases": 0.5}'
    said = run("start", name, "--type", question, "--arms", ARMS, "--guardrails", rails, "--reason", "are lists better?", "--json")
    return json.loads(said)


def write_events(profile: Profile, units_of_b: int = 100) -> None:
    soon = datetime.now(UTC) + timedelta(minutes=1)
    arms = [("a", 100), ("b", units_of_b)]
    rows = [row("exposure", f"{arm}{n}", 1, arm, happened_at=soon) for arm, number in arms for n in range(number)]
    write(profile, [*rows, *(row("click", f"b{n}", 1, "b", position=1, happened_at=soon) for n in range(40))])


def test_an_experiment_is_started_listed_read_out_and_stopped(profile: Profile) -> None:
    begun = start()
    assert [(arm["name"], arm["treatment"]["steps"]) for arm in begun["arms"]][1] == ("b", ["model"])
    assert "b 50% steps: model" in run("list")
    write_events(profile)
    found = json.loads(run("readout", "lists", "--json"))
    (clicks,) = (one["uplift"]["difference"] for one in found["uplifts"] if one["rate"] == "clicks_per_answer")
    assert (found["control"], found["trusted"], clicks["value"]) == ("a", True, 0.4)
    assert clicks["low"] > 0.3
    said = run("readout", "lists")
    assert "0.4000 (0.3" in said
    assert "holds" in said
    assert run("stop", "lists", "--reason", "they are") == "experiment lists on substitute questions is stopped\n"
    (kept,) = json.loads(run("list", "--json"))
    assert (kept["started"]["why"], kept["stopped"]["why"]) == ("are lists better?", "they are")
    assert "they are" in run("list")


def test_a_readout_that_must_not_be_read_says_so_and_compares_nothing(profile: Profile) -> None:
    start()
    write_events(profile, units_of_b=190)
    said = run("readout", "lists")
    assert "do not read on" in said
    assert "difference to the control" not in said
    assert json.loads(run("readout", "lists", "--json"))["uplifts"] == []


def test_users_mistakes_are_messages(capsys: pytest.CaptureFixture[str]) -> None:
    begin = ["experiments", "start", "x", "--type", "substitute", "--arms"]
    assert call([*begin, "{"]) == 2
    assert call([*begin, '{"a": 0.5, "b": 0.4}']) == 2
    assert call([*begin, '{"a": {"share": 0.5, "colour": 1}, "b": 0.5}']) == 2
    assert call(["experiments", "readout", "x"]) == 2
    start()
    assert call(["experiments", "readout", "lists"]) == 7
    told = capsys.readouterr().err
    assert "add up to 0.9" in told
    assert "colour" in told
    assert "no experiment is called 'x'" in told
    assert "goeswith run feedback" in told
    assert "Traceback" not in told
