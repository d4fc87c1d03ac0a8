"""The command line: quick help, errors without tracebacks, and a doctor that knows what to do."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from goeswith.catalogue import TABLES
from goeswith.command import doctor
from goeswith.command.main import app
from goeswith.command.tables import tables_markdown
from goeswith.profile import PROJECT_ROOT, Profile
from tests import tiny_shop

HEAVY = ("torch", "pyspark", "feast", "airflow", "great_expectations", "transformers", "matplotlib")


def goeswith(*args: str, home: Path) -> subprocess.CompletedProcess[str]:
    environment = {"GOESWITH_HOME": str(home), "PATH": "/usr/bin:/bin"}
    return subprocess.run([sys.executable, "-m", "goeswith", *args], capture_output=True, text=True, check=False, env=environment, cwd=PROJECT_ROOT)


def test_help_imports_nothing_heavy() -> None:
    code = f"import sys, goeswith.command.main; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PROJECT_ROOT)
    assert done.stdout.strip() == "[]"


COMMANDS = ["demo", "doctor", "run", "job", "tables", "evaluate", "report", "up", "down", "status", "ask", "explain", "maintain", "forget-user"]
COMMANDS += ["quarantine", "gates", "keys", "bench", "figures", "stream", "audit-verdicts", "rollout", "pools"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    shown = CliRunner().invoke(app, [command, "--help"])
    assert shown.exit_code == 0
    assert "Usage" in shown.output


def test_an_unknown_job_ends_with_an_error_and_no_traceback(tmp_path: Path) -> None:
    done = goeswith("job", "nonsense", "--run", "r", home=tmp_path)
    assert done.returncode == 2
    assert "no job is called 'nonsense'" in done.stderr
    assert "-> jobs: ingest" in done.stderr
    assert "Traceback" not in done.stderr


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    assert "Traceback" in goeswith("--debug", "job", "nonsense", "--run", "r", home=tmp_path).stderr


def test_a_failed_job_leaves_its_error_for_whoever_started_it(tmp_path: Path) -> None:
    done = goeswith("job", "release", "--run", "r", "--versions", '{"items": 3}', home=tmp_path)
    assert done.returncode == 7
    failure = json.loads((tmp_path / "runs" / "r" / "failures" / "release.json").read_text())
    assert failure["kind"] == "VersionMissing"


def test_a_job_leaves_its_versions_where_its_pod_is_asked_for_them(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    versions = json.dumps(tiny_shop.write_tiny_lake(profile))
    message = profile.root / "termination-log"
    message.touch()
    mounted = message.stat().st_ino
    monkeypatch.setenv("GOESWITH_HOME", str(profile.root))
    monkeypatch.setenv("GOESWITH_OPERATOR__RESULT_FILE", str(message))
    shown = CliRunner().invoke(app, ["job", "release", "--run", "r", "--versions", versions])
    assert json.loads(message.read_text()) == {"versions": json.loads(shown.stdout.splitlines()[-1])["versions"]}
    assert message.stat().st_ino == mounted


def test_versions_of_all_tables_fit_into_a_termination_message() -> None:
    told = json.dumps({"versions": dict.fromkeys(TABLES, 10**9)}, separators=(",", ":"))
    assert len(told.encode()) < 4096


def test_the_doctor_says_what_is_missing_and_how_to_get_it(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    check = doctor.look_at_java(profile)[0]
    assert check.state == "missing"
    assert "openjdk-17" in check.remedy


def test_the_doctor_answers_in_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOESWITH_HOME", str(tmp_path))
    checks = json.loads(CliRunner().invoke(app, ["doctor", "--json"]).output)
    assert {"profile", "Java", "disk", "torch"} <= {check["name"] for check in checks}


def test_the_page_of_tables_is_the_catalogues() -> None:
    assert (PROJECT_ROOT / "docs" / "tables.md").read_text(encoding="utf-8") == tables_markdown()
