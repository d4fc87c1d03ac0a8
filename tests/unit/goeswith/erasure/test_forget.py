"""A forgotten user leaves no trace in any file, others lose nothing, and an erasure that was cut short is finished by the next call."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from goeswith import lake, releases
from goeswith.catalogue import TABLES, Layer
from goeswith.erasure import forget, state
from goeswith.erasure.forget import forget_user, look_for, steps
from goeswith.erasure.person import find_person
from goeswith.erasure.rebuild import KEPT_WHOLE, REBUILT
from goeswith.erasure.user import hash_user
from goeswith.errors import ConfigError, UpkeepRefused, VersionMissing
from goeswith.jobs import JOBS
from goeswith.profile import Profile
from goeswith.upkeep import history, log, stored
from tests import tiny_shop
from tests.unit.goeswith.erasure.shop import (
    FORGOTTEN,
    RUN,
    USERS,
    basket_of,
    event_rows,
    files_that_name,
    hashes,
    item_rows,
    quarantine_rows,
    write_shop,
)
from tests.unit.goeswith.test_leases import start_holder
from tests.unit.goeswith.upkeep.shop import export_model, maintain

STEPS = (
    "drop what waits",
    "put back what is not released",
    "mask texts",
    "remove rows",
    "rebuild",
    "empty what was derived",
    "release",
    "renew features",
    "invalidate",
    "cut histories",
)


def rows(profile: Profile, name: str) -> list[dict[str, Any]]:
    """Return a table's rows without the time of their last change, sorted."""
    found = lake.read_table(profile, name).to_pylist()
    return sorted(({k: v for k, v in row.items() if k != "updated_at"} for row in found), key=str)


def test_the_users_of_the_shop_are_all_over_it_before(profile: Profile) -> None:
    write_shop(profile)
    for user in USERS:
        named = files_that_name(profile, user)
        assert any(path.startswith("lake/events/_change_data") for path in named)
        assert any(path.startswith("lake/events/_delta_log") for path in named)


def test_no_file_below_the_home_names_a_forgotten_user(profile: Profile) -> None:
    write_shop(profile)
    assert forget_user(profile, FORGOTTEN) is not None
    assert files_that_name(profile, FORGOTTEN) == []


def test_others_lose_nothing(profile: Profile) -> None:
    write_shop(profile)
    before = {name: rows(profile, name) for name in ("events", "quarantine", "bundles", "items")}
    forget_user(profile, FORGOTTEN)
    own = hash_user(profile, FORGOTTEN)
    assert rows(profile, "events") == [row for row in before["events"] if row["user_id"] != own]
    assert rows(profile, "items") == before["items"]
    assert {row["bundle_id"] for row in rows(profile, "bundles")} == {"shop"}
    kept = [row for row in quarantine_rows(profile) if own not in row["row"] and FORGOTTEN not in row["row"]]
    assert [row["row_hash"] for row in rows(profile, "quarantine")] == [row["row_hash"] for row in kept]
    text = (profile.runs / RUN / "ingest.log").read_text(encoding="utf-8")
    assert USERS[1] in text
    assert json.loads((profile.runs / RUN / "failures" / "gate.json").read_text())["remedy"] == "none"


def test_a_gates_sample_of_the_user_is_emptied_and_its_verdict_stays(profile: Profile) -> None:
    write_shop(profile)
    forget_user(profile, FORGOTTEN)
    shown = {row["expectation"]: (row["sample"], row["unexpected"]) for row in rows(profile, "gate_results")}
    assert shown == {"events.basket_id is known": (None, 2), "events.item_id is known": ('["item-7"]', 2)}


def test_what_models_were_trained_on_is_emptied(profile: Profile) -> None:
    write_shop(profile)
    forget_user(profile, FORGOTTEN)
    assert rows(profile, "training_sets") == []


def test_erasure_outranks_pins_and_older_releases_say_so(profile: Profile) -> None:
    versions = write_shop(profile)
    export_model(profile, "m", RUN)
    record = forget_user(profile, FORGOTTEN)
    assert record is not None
    assert (record["invalid_releases"], record["models_to_rebuild"]) == ([RUN], ["m"])
    with pytest.raises(VersionMissing, match="a user was forgotten"):
        releases.read_release(profile, RUN)
    with pytest.raises(VersionMissing, match="no version"):
        lake.open_table(profile, "events", versions["events"])
    newest = releases.read_release(profile)
    assert newest.name == record["release"]
    assert set(newest.versions) == set(versions)
    for name, version in newest.versions.items():
        lake.read_table(profile, name, version=version)


def test_the_record_counts_and_names_nobody(profile: Profile) -> None:
    write_shop(profile)
    record = forget_user(profile, FORGOTTEN)
    (path,) = state.folder_of(profile).glob("*.json")
    assert json.loads(path.read_text()) == record
    assert record is not None
    assert record["rows"] == {"feedback": 0, "quarantine": 2, "bundles": 4, "holdout": 0, "events": 6, "gate_results": 1, "texts": 2}
    assert record["after"]["files"] < record["before"]["files"]
    assert state.token_of(profile, hash_user(profile, FORGOTTEN)) not in path.read_text()
    assert list((state.folder_of(profile) / state.PENDING).iterdir()) == []


def test_forgotten_twice_there_is_nothing_left(profile: Profile) -> None:
    write_shop(profile)
    forget_user(profile, FORGOTTEN)
    before = releases.read_release(profile)
    assert forget_user(profile, FORGOTTEN) is None
    assert releases.read_release(profile) == before


@pytest.mark.parametrize("user", ["nobody-at-all", "alice"])
def test_a_user_that_is_not_there_changes_nothing(profile: Profile, user: str) -> None:
    write_shop(profile)
    release, version = releases.read_release(profile), lake.current_version(profile, "events")
    assert forget_user(profile, user) is None
    assert (releases.read_release(profile), lake.current_version(profile, "events")) == (release, version)


def test_an_empty_home_knows_nobody_and_no_id_is_refused(profile: Profile) -> None:
    assert forget_user(profile, FORGOTTEN) is None
    with pytest.raises(ConfigError, match="without an id"):
        forget_user(profile, " \n")


def test_white_space_around_an_id_is_nobodys_name(profile: Profile) -> None:
    write_shop(profile)
    assert forget_user(profile, f"  {FORGOTTEN}\n") is not None
    assert files_that_name(profile, FORGOTTEN) == []


def test_a_user_who_is_only_in_older_versions_is_found_there(profile: Profile) -> None:
    write_shop(profile)
    lake.open_table(profile, "events").delete(f"user_id = '{hash_user(profile, USERS[2])}'")
    lake.open_table(profile, "quarantine").delete(f"row LIKE '%{hash_user(profile, USERS[2])}%'")
    releases.write_release(profile, "later", {"events": lake.open_table(profile, "events").version()})
    found = look_for(profile, find_person(profile, USERS[2]))
    assert (found.newest["events"], found.on_disk["events"]) == (0, 6)
    forget_user(profile, USERS[2])
    assert files_that_name(profile, USERS[2]) == []


def test_rows_that_were_not_released_are_put_back_not_released_unseen(profile: Profile) -> None:
    write_shop(profile)
    tiny_shop.write_rows(profile, "items", [{**item_rows()[0], "item_id": "ungated"}])
    forget_user(profile, FORGOTTEN)
    assert "ungated" not in {row["item_id"] for row in rows(profile, "items")}


def test_a_lake_without_a_release_is_cleaned_and_none_is_made(profile: Profile) -> None:
    tiny_shop.write_rows(profile, "events", event_rows(profile))
    record = forget_user(profile, FORGOTTEN)
    assert record is not None
    assert record["release"] is None
    assert files_that_name(profile, FORGOTTEN) == []
    assert len(rows(profile, "events")) == 12


def test_a_torn_file_that_a_killed_writer_left_goes_too(profile: Profile) -> None:
    write_shop(profile)
    torn = profile.root / "lake" / "events" / "part-torn.parquet"
    torn.write_bytes(b"PAR1" + hash_user(profile, FORGOTTEN).encode())
    forget_user(profile, FORGOTTEN)
    assert not torn.exists()


def test_while_a_job_runs_nothing_is_begun(profile: Profile) -> None:
    write_shop(profile)
    holder = start_holder(profile.root)
    with pytest.raises(UpkeepRefused, match="count_pairs of run other"):
        forget_user(profile, FORGOTTEN)
    holder.kill()
    holder.wait()
    state.require_none_pending(profile)
    assert forget_user(profile, FORGOTTEN) is not None


class CrashError(Exception):
    """The process was killed."""


def crash_in(step: str, when: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the process die before or after the work of a step; either way the step is not noted as done."""

    def crashing(*args: Any) -> dict[str, Callable[[], object]]:
        planned = steps(*args)

        def crash() -> None:
            if when == "after":
                planned[step]()
            raise CrashError

        return {**planned, step: crash}

    monkeypatch.setattr(forget, "steps", crashing)


def test_the_steps_are_those_that_are_crashed_here(profile: Profile) -> None:
    assert tuple(steps(profile, find_person(profile, FORGOTTEN), "r")) == STEPS


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_killed_around_any_step_it_is_finished_by_the_next_call(profile: Profile, step: str, when: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write_shop(profile)
    with monkeypatch.context() as patch:
        crash_in(step, when, patch)
        with pytest.raises(CrashError):
            forget_user(profile, FORGOTTEN)
    assert releases.valid_releases(profile)  # readers have one at every moment
    with pytest.raises(UpkeepRefused, match="cut short"):
        state.require_none_pending(profile)
    record = forget_user(profile, FORGOTTEN)
    assert files_that_name(profile, FORGOTTEN) == []
    assert record is not None
    assert record["rows"]["events"] == 6
    assert [release.name for release in releases.valid_releases(profile)] == [record["release"]]
    assert len(rows(profile, "events")) == 12
    state.require_none_pending(profile)


@pytest.mark.parametrize("survivors", [1, 7, 20])
def test_killed_in_the_middle_of_removing_files_it_is_finished_by_the_next_call(
    profile: Profile, survivors: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_shop(profile)
    with monkeypatch.context() as patch:
        left = iter(range(survivors))

        def delete_some(profile: Profile, name: str, paths: Any) -> None:
            for path in paths:
                if next(left, None) is None:
                    raise CrashError
                real(profile, name, [path])

        real = stored.delete_files
        patch.setattr(history, "delete_files", delete_some)
        patch.setattr(log, "delete_files", delete_some)
        with pytest.raises(CrashError):
            forget_user(profile, FORGOTTEN)
    assert len(rows(profile, "events")) == 12
    assert forget_user(profile, FORGOTTEN) is not None
    assert files_that_name(profile, FORGOTTEN) == []


def test_another_users_erasure_that_was_cut_short_stays_to_be_finished(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    write_shop(profile)
    with monkeypatch.context() as patch:
        crash_in("remove rows", "before", patch)
        with pytest.raises(CrashError):
            forget_user(profile, FORGOTTEN)
    assert forget_user(profile, USERS[1]) is not None
    with pytest.raises(UpkeepRefused, match="cut short"):
        state.require_none_pending(profile)
    assert forget_user(profile, FORGOTTEN) is not None
    assert files_that_name(profile, FORGOTTEN) == files_that_name(profile, USERS[1]) == []
    assert {row["user_id"] for row in rows(profile, "events")} == {hashes(profile)[USERS[2]]}


def test_upkeep_afterwards_finds_nothing_more_to_remove_of_what_was_erased(profile: Profile) -> None:
    write_shop(profile)
    forget_user(profile, FORGOTTEN)
    tables = maintain(profile).summary["tables"]
    assert {name: done["removed"]["files"] for name, done in tables.items() if name in ("events", "quarantine", "bundles")} == {
        "events": 0,
        "quarantine": 0,
        "bundles": 0,
    }


def test_lines_without_a_user_in_a_basket_of_theirs_go_too(profile: Profile) -> None:
    write_shop(profile)
    lost = {**event_rows(profile)[0], "event_id": "lost", "user_id": None}
    releases.write_release(profile, "later", {"events": tiny_shop.write_rows(profile, "events", [lost])})
    forget_user(profile, FORGOTTEN)
    assert "lost" not in {row["event_id"] for row in rows(profile, "events")}
    assert files_that_name(profile, FORGOTTEN) == []


def test_every_table_that_is_counted_from_users_is_rebuilt() -> None:
    graph = {name for name, table in TABLES.items() if table.layer is Layer.GRAPH and name not in KEPT_WHOLE}
    assert graph == {rebuild.table for rebuild in REBUILT} - {"holdout"}
    assert {rebuild.job for rebuild in REBUILT} <= set(JOBS)


def test_a_basket_that_another_user_shares_stays_theirs(profile: Profile) -> None:
    write_shop(profile)
    shared = {**event_rows(profile)[-1], "event_id": "shared", "basket_id": basket_of(profile, FORGOTTEN, 0)}
    version = tiny_shop.write_rows(profile, "events", [shared])
    releases.write_release(profile, "later", {"events": version})
    forget_user(profile, FORGOTTEN)
    assert [row["event_id"] for row in rows(profile, "events") if row["event_id"] == "shared"] == ["shared"]
