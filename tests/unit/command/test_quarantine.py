"""``goeswith quarantine list``: counts by rule first, then rows; as JSON lines, whole."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from goeswith.command.main import app, call
from goeswith.profile import Profile
from tests.tiny_shop import write_rows

ROWS: list[dict[str, Any]] = [
    {
        "source": "s",
        "row_hash": f"h{n}",
        "target": target,
        "rule": rule,
        "detail": "price=\x1b[31m-1",
        "row": '{"sku": "a"}',
        "fields": '{"price": "-1"}',
    }
    for n, (target, rule) in enumerate([("items", "price_negative")] * 2 + [("events", "price_negative"), ("events", "item_unknown")])
]


@pytest.fixture
def refused(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> Profile:
    monkeypatch.setenv("GOESWITH_HOME", str(profile.root))
    write_rows(profile, "quarantine", ROWS)
    return profile


def listed(*words: str) -> Result:
    return CliRunner().invoke(app, ["quarantine", "list", *words])


def test_counts_come_before_rows_and_a_limit_holds_for_rows(refused: Profile) -> None:
    printed = listed("--limit", "1").output
    assert printed.index("4 refused rows") < printed.index('"sku": "a"')
    assert printed.count('"sku": "a"') == 1


def test_rows_are_chosen_by_rule_and_table(refused: Profile) -> None:
    assert "2 refused rows" in listed("--rule", "price_negative", "--target", "items").output
    assert "0 refused rows" in listed("--rule", "no_such_rule").output


def test_json_is_one_row_a_line_with_fields_to_repair(refused: Profile) -> None:
    rows = [json.loads(line) for line in listed("--json").output.splitlines()]
    assert {row["row_hash"] for row in rows} == {"h0", "h1", "h2", "h3"}
    assert rows[0]["fields"] == {"price": "-1"}
    assert rows[0]["row"] == {"sku": "a"}


def test_control_characters_of_a_row_do_not_reach_the_terminal(refused: Profile) -> None:
    assert "\x1b" not in listed().output


def test_without_a_quarantine_or_a_file_the_remedy_is_said(
    profile: Profile, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GOESWITH_HOME", str(profile.root))
    assert call(["quarantine", "list"]) == 7
    assert "goeswith run ingest" in capsys.readouterr().err
    assert call(["quarantine", "replay", "--file", "/nowhere.jsonl"]) == 2
    assert "quarantine list --json" in capsys.readouterr().err
    assert call(["quarantine", "replay", "--params", "robots"]) == 2
