"""The job ``maintain``: what it keeps and why, what expires, and that a second run changes nothing."""

from typing import Any

import pytest

from goeswith import lake, records, releases
from goeswith.errors import ConfigError, UpkeepRefused, VersionMissing
from goeswith.jobs import JobResult, JobRun
from goeswith.leases import hold_upkeep
from goeswith.profile import Profile
from goeswith.usage import Usage
from tests import tiny_shop
from tests.unit.goeswith.test_leases import start_holder
from tests.unit.goeswith.upkeep.shop import export_model, files_of, maintain, pair, pairs_at, write_pairs


@pytest.fixture
def versions(profile: Profile) -> list[int]:
    """Release six versions of item_pairs, r0 to r5."""
    written = [write_pairs(profile, pair("a", "b", n)) for n in range(6)]
    for number, version in enumerate(written):
        releases.write_release(profile, f"r{number}", {"item_pairs": version})
    return written


def told(profile: Profile, **params: Any) -> dict[str, Any]:
    found: dict[str, Any] = maintain(profile, **params).summary["tables"]["item_pairs"]
    return found


def test_each_kept_version_names_who_keeps_it(profile: Profile, versions: list[int]) -> None:
    export_model(profile, "m", "r1")
    kept = told(profile, keep_releases=2)["kept"]
    assert kept == {versions[1]: ["model m"], versions[4]: ["release r4"], versions[5]: ["release r5", "newest"]}
    assert [pairs_at(profile, v)["a", "b"] for v in (versions[1], versions[4], versions[5])] == [1, 4, 5]


def test_a_release_whose_versions_go_is_refused_from_then_on_with_the_reason(profile: Profile, versions: list[int]) -> None:
    export_model(profile, "m", "r1")
    assert maintain(profile, keep_releases=2).summary["expired"] == ["r0", "r2", "r3"]
    with pytest.raises(VersionMissing, match="r3' is invalid since .*: expired"):
        releases.read_release(profile, "r3")
    assert releases.read_release(profile, "r1").version_of("item_pairs") == versions[1]
    assert releases.read_release(profile).name == "r5"


def test_a_second_run_writes_nothing_at_all(profile: Profile, versions: list[int]) -> None:
    tiny_shop.write_tiny_lake(profile, run="r6")
    maintain(profile, keep_releases=2, min_small_files=2)
    before = {name: files_of(profile, name) for name in ("item_pairs", "events", "items", "releases")}
    again = maintain(profile, keep_releases=2, min_small_files=2).summary
    assert {name: files_of(profile, name) for name in before} == before
    assert again["expired"] == []
    for done in again["tables"].values():
        assert done["rewritten"] == {"partitions": [], "properties": []}
        assert done["removed"] == {"files": 0, "bytes": 0}


def test_a_rehearsal_says_what_would_go_and_touches_nothing(profile: Profile, versions: list[int]) -> None:
    before = files_of(profile, "item_pairs"), files_of(profile, "releases")
    rehearsed = maintain(profile, keep_releases=2, dry_run=True).summary
    assert (files_of(profile, "item_pairs"), files_of(profile, "releases")) == before
    assert rehearsed["expired"] == ["r0", "r1", "r2", "r3"]
    assert rehearsed["tables"]["item_pairs"]["removed"]["files"] > 0


def test_figures_say_how_much_lay_there_before_and_after(profile: Profile, versions: list[int]) -> None:
    done = told(profile, keep_releases=1)
    assert done["before"]["files"] > done["after"]["files"]
    assert done["before"]["bytes"] - done["removed"]["bytes"] <= done["after"]["bytes"] < done["before"]["bytes"]


def test_what_a_running_job_reads_stays_until_it_has_ended(profile: Profile, versions: list[int]) -> None:
    events = tiny_shop.event_rows(tiny_shop.bundle_rows(tiny_shop.item_rows(profile)))
    for k in range(5):  # the job reads version 3 of events
        tiny_shop.write_rows(profile, "events", events[k : k + 1])
    holder = start_holder(profile.root)
    done = maintain(profile, min_small_files=2).summary["tables"]["events"]
    assert lake.read_table(profile, "events", version=3).num_rows == 3
    assert done["untouched"] == "job count_pairs of run other may write it"
    holder.kill()
    holder.wait()
    maintain(profile)
    with pytest.raises(VersionMissing):
        lake.open_table(profile, "events", 3)


def test_a_pin_of_a_version_that_is_gone_does_not_stop_upkeep(profile: Profile, versions: list[int]) -> None:
    holder = start_holder(profile.root)  # it claims version 3 of events
    tiny_shop.write_rows(profile, "events", tiny_shop.event_rows(tiny_shop.bundle_rows(tiny_shop.item_rows(profile))))
    assert "item_pairs" in maintain(profile).summary["tables"]
    holder.kill()
    holder.wait()


def test_two_never_remove_at_once(profile: Profile, versions: list[int]) -> None:
    with hold_upkeep(profile), pytest.raises(UpkeepRefused):
        maintain(profile)


def test_a_finished_step_stays_finished_when_only_upkeep_came_after(profile: Profile) -> None:
    written = [write_pairs(profile, pair("a", str(k), k)) for k in range(4)][-1]
    releases.write_release(profile, "r", {"item_pairs": written})
    job = JobRun(profile=profile, run_id="r", versions={"item_pairs": written})
    records.write_record("prune_pairs", "prune_pairs", job, JobResult(versions={"item_pairs": written}), Usage(1.0, 1.0, 0.0))
    maintain(profile, min_small_files=2)
    current = lake.open_table(profile, "item_pairs").version()
    assert current > written
    later = JobRun(profile=profile, run_id="r", versions={"item_pairs": current})
    assert records.find_record("prune_pairs", "prune_pairs", later) is not None
    write_pairs(profile, pair("a", "0", 99))
    assert records.find_record("prune_pairs", "prune_pairs", later) is None


def test_an_empty_home_needs_no_upkeep(profile: Profile) -> None:
    assert maintain(profile).summary["tables"] == {}


@pytest.mark.parametrize("params", [{"keep_releases": 0}, {"retention_hours": -1}, {"min_small_files": 1}, {"target": 3}])
def test_settings_that_mean_nothing_are_refused(profile: Profile, params: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="job maintain"):
        maintain(profile, **params)
