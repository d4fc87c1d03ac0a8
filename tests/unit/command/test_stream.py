"""What ``goeswith stream`` understands and says, without a JVM."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goeswith.command.main import call
from goeswith.command.stream import describe, read_interval
from goeswith.errors import ConfigError

BATCH = {
    "batch": 3,
    "rows": {"events": {"in": 5, "kept": 3, "quarantined": 1, "duplicates": 1}},
    "rules": {"item_unknown": 1},
    "refused": {"/shop/events/x.jsonl": "no column 'order'"},
    "versions": {"events": 7},
}


@given(st.integers(1, 10_000), st.sampled_from("smh"))
def test_an_interval_is_a_number_and_a_unit(n: int, unit: str) -> None:
    assert read_interval(f"{n}{unit}") == n * {"s": 1, "m": 60, "h": 3600}[unit]


@pytest.mark.parametrize("text", ["30", "s", "0s", "-5s", "1.5m", "30 s", "30s\n", "often"])
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ConfigError, match="is no interval") as caught:
        read_interval(text)
    assert "30s" in caught.value.remedy


def test_a_micro_batch_is_one_line_and_as_json_whole() -> None:
    assert describe(BATCH, as_json=False) == "batch 3: events v7: 5 in, 3 kept, 1 quarantined, 1 duplicates; 1 files refused"
    assert json.loads(describe(BATCH, as_json=True)) == BATCH
    assert describe({**BATCH, "rows": {}, "refused": {}}, as_json=False) == "batch 3: no rows"


def test_users_mistakes_are_messages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("GOESWITH_HOME", str(tmp_path))
    assert call(["stream", "--data", str(tmp_path), "--every", "often"]) == 2
    assert call(["stream", "--every", "30s"]) == 2
    assert call(["stream", "--kafka", "events", "--every", "30s"]) == 2
    assert call(["stream", "--params", "robots"]) == 2
    told = capsys.readouterr().err
    assert "no interval" in told
    assert "name it with --data DIR" in told
    assert "GOESWITH_KAFKA__SERVERS" in told
    assert "Traceback" not in told
