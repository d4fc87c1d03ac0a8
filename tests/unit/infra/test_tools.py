"""A tool that is missing is named, with what to do; a check that does not hold says what its tool said."""

from pathlib import Path

import pytest

from goeswith.errors import EnvironmentMissing
from infra.check import __main__ as command
from infra.check import checks, tools


@pytest.fixture
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


MISSING = [(tools.helm, "go"), (tools.kubeconform, "go"), (tools.compose, "go"), (tools.promtool, "apt-get"), (tools.hadolint, "uv")]


@pytest.mark.parametrize(("tool", "needed"), MISSING, ids=[tool.__name__ for tool, _ in MISSING])
@pytest.mark.usefixtures("bare_machine")
def test_what_is_missing_is_named(tool: object, needed: str) -> None:
    with pytest.raises(EnvironmentMissing, match=f"'{needed}'") as caught:
        tool()  # type: ignore[operator]
    assert caught.value.remedy


@pytest.mark.usefixtures("bare_machine")
def test_a_missing_tool_is_no_success(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main() == len(command.CHECKS)
    assert capsys.readouterr().out.count("failed  ") == len(command.CHECKS)


def test_a_dashboard_with_an_unknown_part_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for folder in ("schemas", "grafana/dashboards"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "schemas" / "dashboard.json").write_text((checks.INFRA / "schemas" / "dashboard.json").read_text(encoding="utf-8"), encoding="utf-8")
    board = (checks.INFRA / "grafana" / "dashboards" / "models.json").read_text(encoding="utf-8")
    (tmp_path / "grafana" / "dashboards" / "models.json").write_text(board.replace('"expr"', '"expression"', 1), encoding="utf-8")
    monkeypatch.setattr(checks, "INFRA", tmp_path)
    with pytest.raises(checks.CheckFailed, match=r"models.json: \$.panels\[0\].targets\[0\]"):
        checks.check_dashboards()


def test_what_a_tool_says_is_not_lost() -> None:
    with pytest.raises(checks.CheckFailed, match="no such rule"):
        checks._say(["bash", "-c", "echo no such rule >&2; exit 1"])
