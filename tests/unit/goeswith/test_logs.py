"""Logs as JSON: every line of a job says its run, its step and its job."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from goeswith.command.main import call
from goeswith.logs import JsonLines, current_context, log_context
from goeswith.profile import load_profile
from tests import tiny_shop


def line(message: str, **fields: Any) -> dict[str, Any]:
    record = logging.LogRecord("goeswith", logging.INFO, "", 0, message, (), None)
    record.fields = fields
    told: dict[str, Any] = json.loads(JsonLines().format(record))
    return told


def test_lines_of_a_block_say_its_context_and_others_do_not() -> None:
    with log_context(run="monday", step="gate_pairs"):
        assert line("done", rows=3).items() >= {"run": "monday", "step": "gate_pairs", "message": "done", "rows": 3}.items()
        assert current_context() == {"run": "monday", "step": "gate_pairs"}
    assert "run" not in line("done")


def test_a_message_forges_no_second_line() -> None:
    assert "\n" not in JsonLines().format(logging.LogRecord("goeswith", logging.INFO, "", 0, "a\n{}", (), None))


@pytest.fixture
def json_logs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Let jobs log JSON, and give the root logger back what it had."""
    monkeypatch.setenv("GOESWITH_HOME", str(tmp_path))
    monkeypatch.setenv("GOESWITH_LOGS", "json")
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


@pytest.mark.usefixtures("json_logs")
def test_a_job_says_what_it_took_and_a_failure_what_to_do(capfd: pytest.CaptureFixture[str]) -> None:
    tiny_shop.write_tiny_lake(load_profile())
    assert call(["job", "release", "--run", "monday"]) == 0
    assert call(["job", "release", "--run", "monday", "--step", "again", "--params", '{"x": 1}']) != 0
    lines = [json.loads(text) for text in capfd.readouterr().err.splitlines() if text.startswith("{")]
    done = next(told for told in lines if told["message"] == "step done")
    failed = next(told for told in lines if told["message"].startswith("step failed"))
    assert (done["run"], done["step"], done["job"]) == ("monday", "release", "release")
    assert done["cpu_seconds"] >= 0
    assert (failed["step"], failed["level"], failed["kind"]) == ("again", "ERROR", "ConfigError")
