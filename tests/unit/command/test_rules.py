"""``goeswith rules``: added, listed, removed, told, checked; what cannot be is one message."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from goeswith.command.main import app, call
from goeswith.profile import Profile
from goeswith_client.rules_file import RulesFile
from serving.rules.table import rules_path
from tests.tiny_shop import write_items

SEED, FIRST = "racket-red-0", "racket-red-1"


@pytest.fixture(autouse=True)
def _home(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOESWITH_HOME", str(profile.home))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("LOGNAME", "grace")
    write_items(profile)


def run(*words: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["rules", *words])
    assert done.exit_code == code, done.output
    return done.output


def rows(*words: str, code: int = 0) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run(*words, "--json", code=code))
    return found


def test_a_rule_is_added_listed_removed_and_told(profile: Profile) -> None:
    assert "no rule stands" in run("list")
    assert "there never was a rule" in run("history")
    assert f"ban {FIRST} everywhere" in run("add", "ban", FIRST, "--why", "recalled")
    (found,) = rows("list")
    assert (found["rule_id"], found["created_by"], found["why"]) == ("r1", "grace", "recalled")
    assert rows("list", "pan-red-0") == []
    assert len(rows("list", FIRST)) == 1
    assert RulesFile(rules_path(profile)).read().bans
    assert "removed" in run("remove", "r1", "--why", "mended", "--by", "ada")
    assert not RulesFile(rules_path(profile)).read().bans
    assert [(change["did"], change["by"], change["why"]) for change in rows("history")] == [
        ("removed", "ada", "mended"),
        ("added", "grace", "recalled"),
    ]
    assert rows("history", "r2") == []


def test_all_that_a_rule_says_can_be_given() -> None:
    more = ("--at", "2", "--type", "substitute", "--text", "Our [own] brand", "--from-time", "2026-01-01", "--until", "2030-02-01T10:00:00")
    (found,) = rows("add", "pin", FIRST, "--for", SEED, *more, "--why", "campaign")
    assert (found["query_item"], found["position"], found["type"], found["text"]) == (SEED, 2, "substitute", "Our [own] brand")
    assert (found["valid_from"], found["valid_until"]) == ("2026-01-01T00:00:00Z", "2030-02-01T10:00:00Z")
    (apart,) = rows("add", "ban_category", "--for-category", "racket", "--category", "kitchen > pan", "--both-ways", "--why", "x")
    assert (apart["query_category"], apart["category"], apart["both_ways"]) == ("racket", "kitchen > pan", True)
    assert "until 2030-02-01 10:00" in run("list")


def test_a_file_is_added_all_or_not_at_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "rules.csv"
    file.write_text(f"kind,item\nban,{FIRST}\nban,racket-red-9\n")
    assert call(["rules", "add", "--from", str(file), "--why", "spring"]) == 2
    assert "did you mean racket-red-1" in capsys.readouterr().err
    assert rows("list") == []
    file.write_text(f"kind,item\nban,{FIRST}\nban,{SEED}\n")
    assert len(rows("add", "--from", str(file), "--why", "spring")) == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["add", "ban", "racket-red-9", "--why", "x"], "no item is called 'racket-red-9'"),
        (["add", "ban", FIRST, "--why", " "], "needs a reason"),
        (["add", "--why", "x"], "kinds: pin, ban, ban_category, sensitive_category"),
        (["add", "ban", FIRST, "--from", "rules.csv", "--why", "x"], "a rule and a file at once"),
        (["add", "ban", FIRST, "--why", "x", "--by", "x" * 501], "1 to 500 characters"),
        (["add", "ban", FIRST, "--why", "x" * 501], "1 to 500 characters"),
        (["remove", "r1", "--why", "x"], "no rule r1 stands"),
        (["remove", "r1", "--why", ""], "needs a reason"),
    ],
)
def test_what_cannot_be_is_one_message(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["rules", *words]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert "Traceback" not in told


def test_check_ends_with_one_where_something_is_wrong(profile: Profile) -> None:
    assert "nothing is wrong" in run("check")
    run("add", "pin", FIRST, "--for", SEED, "--at", "1", "--why", "x")
    run("add", "ban", FIRST, "--why", "recalled")
    assert "rule r2 keeps 'racket-red-1' out" in run("check", code=1)
    run("remove", "r1", "--why", "x")
    rules_path(profile).unlink()
    assert rows("check", code=1) == [{"rule_id": "", "problem": "clients read other rules than those that stand: goeswith rules export"}]
    assert str(rules_path(profile)) in run("export")
    assert rows("check") == []


@pytest.mark.parametrize("command", ["add", "remove", "list", "history", "check", "export"])
def test_every_command_shows_an_example(command: str) -> None:
    assert f"Example: goeswith rules {command}" in " ".join(run(command, "--help").split())
