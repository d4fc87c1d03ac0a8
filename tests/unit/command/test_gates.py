"""``goeswith gates`` shows what was decided and why, and takes overrides; the release job takes what passed only."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from goeswith import releases
from goeswith.command.main import app, call
from goeswith.errors import GateFailed
from goeswith.jobs import JobRun, load_job
from goeswith.overrides import find_overrides, give_override, read_overrides, use_overrides
from goeswith.profile import Profile
from spark_jobs.gates.outcome import Outcome, Report
from spark_jobs.gates.record import write_report
from tests.tiny_shop import item_rows, write_rows

NEGATIVE = "price is at least 0 and at most 1e+07"
BROKEN = Outcome(expectation=NEGATIVE, success=False, observed='{"rows": 9}', unexpected=2, sample='[{"item_id": "a[b]", "price": -1.0}]')
WARNING = Outcome(expectation="has rows", success=False, severity="warn", observed='{"rows": 0}')
GOOD = Outcome(expectation="item_id is unique", success=True, unexpected=0)


@pytest.fixture(autouse=True)
def _home(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOESWITH_HOME", str(profile.home))
    monkeypatch.setenv("COLUMNS", "200")


def write(profile: Profile, run: str, table: str, *outcomes: Outcome, version: int = 1) -> Report:
    overrides = find_overrides(profile, table, version, run)
    report = Report(table=table, version=version, outcomes=outcomes, overrides=overrides)
    use_overrides(profile, report.used, version, run)
    write_report(profile, run, report)
    return report


def shown(*words: str) -> str:
    done = CliRunner().invoke(app, ["gates", *words])
    assert done.exit_code == 0, done.output
    return done.output


def records(*words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(shown(*words, "--json"))
    return found


def test_without_any_gate_it_says_so() -> None:
    assert "no gate" in shown()
    assert records() == []


def test_the_newest_gate_comes_first_with_what_did_not_hold(profile: Profile) -> None:
    write(profile, "r1", "items", GOOD)
    write(profile, "r2", "items", GOOD, BROKEN, WARNING, version=2)
    newest, oldest = records()
    assert (newest["run"], newest["version"], newest["decision"], newest["expectations"]) == ("r2", 2, "stop", 3)
    assert [(f["severity"], f["expectation"], f["unexpected"]) for f in newest["failed"]] == [("stop", NEGATIVE, 2), ("warn", "has rows", None)]
    assert newest["failed"][0]["sample"] == [{"item_id": "a[b]", "price": -1.0}]
    assert (oldest["decision"], oldest["failed"]) == ("pass", [])


def test_the_table_for_people_shows_samples_as_they_are(profile: Profile) -> None:
    write(profile, "r2", "items", BROKEN, WARNING)
    assert f"stop: {NEGATIVE} in 2 rows" in shown()
    assert '{"item_id": "a[b]", "price": -1.0}' in shown()
    assert "all 1 expectations held" not in shown()


def test_it_can_be_narrowed_to_a_table_a_run_and_failures(profile: Profile) -> None:
    write(profile, "r1", "items", GOOD)
    write(profile, "r1", "events", BROKEN)
    write(profile, "r2", "events", GOOD)
    assert [r["run"] for r in records("--table", "events")] == ["r2", "r1"]
    assert [r["table"] for r in records("--run", "r1")] == ["events", "items"]
    assert [(r["run"], r["table"]) for r in records("--failed")] == [("r1", "events")]
    assert [r["table"] for r in records("--table", "items", "--run", "r2")] == []


def test_an_unknown_table_lists_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["gates", "--table", "nonsense"]) == 2
    assert "tables: items" in capsys.readouterr().err


def test_an_override_is_taken_used_once_and_told(profile: Profile) -> None:
    CliRunner().invoke(app, ["gates", "override", "--table", "items", "--expectation", NEGATIVE, "--reason", "vouchers", "--author", "ada"])
    assert write(profile, "r1", "items", BROKEN, version=4).decision == "overridden"
    assert write(profile, "r2", "items", BROKEN, version=5).decision == "stop"
    (told,) = records("--run", "r1")
    assert (told["decision"], told["failed"][0]["author"], told["failed"][0]["reason"]) == ("overridden", "ada", "vouchers")
    assert records("--run", "r2")[0]["failed"][0]["author"] is None
    assert "let pass by ada: vouchers" in shown("--run", "r1")


def test_the_author_is_whoever_is_logged_in(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "grace")
    assert call(["gates", "override", "--table", "items", "--expectation", NEGATIVE, "--reason", "vouchers", "--run", "r7"]) == 0
    assert [(o.author, o.run) for o in read_overrides(profile)] == [("grace", "r7")]


@pytest.mark.parametrize(("expectation", "reason"), [("prices are right", "because"), (NEGATIVE, " ")])
def test_an_override_of_nothing_or_for_nothing_is_refused(expectation: str, reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["gates", "override", "--table", "items", "--expectation", expectation, "--reason", reason]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_no_release_names_a_version_that_passed_no_gate(profile: Profile) -> None:
    version = write_rows(profile, "items", item_rows(profile))
    job = JobRun(profile=profile, run_id="r1", versions={"items": version})
    with pytest.raises(GateFailed, match="no gate looked at it"):
        load_job("release").run(job)
    write(profile, "r1", "items", BROKEN, version=version)
    with pytest.raises(GateFailed, match="its gate says stop"):
        load_job("release").run(job)
    assert releases.read_releases(profile) == []
    give_override(profile, table="items", expectation=NEGATIVE, reason="vouchers", author="ada")
    write(profile, "r1", "items", BROKEN, version=version)
    assert load_job("release").run(job).versions == {"items": version}


def test_a_version_that_is_released_already_needs_no_gate_again(profile: Profile) -> None:
    version = write_rows(profile, "items", item_rows(profile))
    releases.write_release(profile, "before", {"items": version})
    assert load_job("release").run(JobRun(profile=profile, run_id="r2", versions={"items": version})).versions == {"items": version}
