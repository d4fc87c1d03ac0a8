"""The commands ``maintain`` and ``forget-user``: what they print, for people and as JSON, and what they refuse."""

import json
import subprocess
import sys
from contextlib import suppress
from typing import Any

import pytest
from typer.testing import CliRunner

from goeswith import lake, releases
from goeswith.command.job import _do
from goeswith.command.main import app
from goeswith.erasure import state
from goeswith.erasure.user import hash_user
from goeswith.errors import ConfigError, UpkeepRefused
from goeswith.jobs import JobRun
from goeswith.leases import live_leases
from goeswith.profile import PROJECT_ROOT, Profile
from tests.unit.goeswith.erasure.shop import FORGOTTEN, RUN, files_that_name, write_shop
from tests.unit.goeswith.upkeep.shop import export_model, files_of


@pytest.fixture
def shop(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> Profile:
    """Return the profile of a shop that the command finds by ``GOESWITH_HOME``."""
    write_shop(profile)
    monkeypatch.setenv("GOESWITH_HOME", str(profile.root))
    monkeypatch.setenv("COLUMNS", "200")
    return profile


def goeswith(*words: str, given: str = "") -> str:
    done = CliRunner().invoke(app, words, input=given, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def goeswith_json(*words: str) -> Any:
    return json.loads(goeswith(*words, "--json"))


def test_maintain_says_what_it_did_and_who_keeps_what(shop: Profile) -> None:
    shown = goeswith("maintain", "--params", '{"retention_hours": 0, "min_small_files": 2}')
    assert "events" in shown
    assert f"release {RUN}" in shown
    told = goeswith_json("maintain")
    assert told["tables"]["events"]["removed"] == {"files": 0, "bytes": 0}
    assert f"release {RUN}" in told["tables"]["events"]["kept"][str(releases.read_release(shop).version_of("events"))]


def test_a_rehearsed_upkeep_writes_nothing(shop: Profile) -> None:
    before = files_of(shop, "events")
    assert goeswith_json("maintain", "--dry-run", "--params", '{"retention_hours": 0}')["tables"]["events"]["removed"]["files"] > 0
    assert files_of(shop, "events") == before


def test_maintain_refuses_what_means_nothing() -> None:
    with pytest.raises(ConfigError, match="keep_releases"):
        goeswith("maintain", "--params", '{"keep_releases": 0}')


def test_a_rehearsed_erasure_counts_and_touches_nothing(shop: Profile) -> None:
    export_model(shop, "m", RUN)
    before = files_of(shop, "events"), files_of(shop, "quarantine")
    told = goeswith_json("forget-user", FORGOTTEN, "--dry-run")
    assert (told["rows"]["events"], told["invalid_releases"], told["models_to_rebuild"]) == (6, [RUN], ["m"])
    assert (files_of(shop, "events"), files_of(shop, "quarantine")) == before
    assert f"release {RUN} would be invalid" in goeswith("forget-user", FORGOTTEN, "--dry-run")


def test_an_erasure_says_what_it_removed_and_never_whom_or_with_which_key(shop: Profile) -> None:
    export_model(shop, "m", RUN)
    shown = goeswith("forget-user", FORGOTTEN)
    assert f"release {RUN} is invalid" in shown
    assert "model m knew the user: goeswith run train" in shown
    assert "hash key: the project's default" in shown
    for secret in (FORGOTTEN, hash_user(shop, FORGOTTEN), shop.user_hash_key.get_secret_value()):
        assert secret not in shown
    assert files_that_name(shop, FORGOTTEN) == []


def test_an_id_on_standard_input_stands_in_no_shells_history(shop: Profile) -> None:
    assert "rows removed" in goeswith("forget-user", "-", given=f"{FORGOTTEN}\n")
    assert files_that_name(shop, FORGOTTEN) == []


def test_a_user_that_is_not_there_is_no_failure_and_the_key_is_named(shop: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    assert goeswith_json("forget-user", "nobody-at-all") == {"found": False, "dry_run": False, "hash_key": "the project's default"}
    monkeypatch.setenv("GOESWITH_USER_HASH_KEY", "another")
    shown = goeswith("forget-user", "short")
    assert "there is nothing of this user, with the hash key of the variable GOESWITH_USER_HASH_KEY" in shown
    assert "another" not in shown.replace("another key", "")


def test_upkeep_goes_on_naming_models_that_knew_a_forgotten_user_until_they_are_trained_again(shop: Profile) -> None:
    export_model(shop, "m", RUN)
    goeswith("forget-user", FORGOTTEN)
    assert goeswith_json("maintain")["models_to_rebuild"] == ["m"]
    assert "model m knew a user" in goeswith("maintain", "--dry-run")
    export_model(shop, "m", releases.read_release(shop).name)
    assert goeswith_json("maintain")["models_to_rebuild"] == []


def test_killed_at_any_moment_again_and_again_it_is_finished_in_the_end(shop: Profile) -> None:
    words = [sys.executable, "-m", "goeswith", "forget-user", FORGOTTEN]
    for after_s in (1.2, 1.6, 2.0, 2.5, 3.0):
        with suppress(subprocess.TimeoutExpired):
            subprocess.run(words, timeout=after_s, check=False, capture_output=True, cwd=PROJECT_ROOT)  # kills it then
    done = subprocess.run(words, check=True, capture_output=True, text=True, cwd=PROJECT_ROOT)
    assert "rows removed" in done.stdout or "nothing of this user" in done.stdout
    assert files_that_name(shop, FORGOTTEN) == []
    state.require_none_pending(shop)
    assert lake.read_table(shop, "events").num_rows == 12


def test_no_job_runs_while_an_erasure_is_unfinished(shop: Profile) -> None:
    erasure = state.begin(shop, "token", {}, {})
    with pytest.raises(UpkeepRefused, match="goeswith forget-user ID"):
        _do("release", "release", JobRun(profile=shop, run_id="r", versions={}))
    state.finish(shop, erasure, {})
    _do("release", "release", JobRun(profile=shop, run_id="r", versions={}))


def test_a_job_holds_a_lease_while_it_runs(shop: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def look(profile: Profile, *_args: Any, **_named: Any) -> releases.Release:
        seen.extend(live_leases(profile))
        return releases.read_release(profile)

    monkeypatch.setattr("goeswith.release_job.write_release", look)
    _do("release", "release", JobRun(profile=shop, run_id="r", versions={"items": 1}))
    assert [(lease.job, lease.run, lease.versions["items"]) for lease in seen] == [("release", "r", 1)]
    assert live_leases(shop) == []
