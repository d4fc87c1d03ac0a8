"""A release names one consistent set of versions; all readers start there."""

import pytest

from goeswith import releases
from goeswith.errors import VersionMissing
from goeswith.jobs import JobRun
from goeswith.profile import Profile
from goeswith.release_job import run as release
from tests import tiny_shop


@pytest.fixture
def versions(profile: Profile) -> dict[str, int]:
    return tiny_shop.write_tiny_lake(profile)


def test_before_the_first_release_there_is_nothing_to_read(profile: Profile) -> None:
    assert releases.released_versions(profile) == {}
    with pytest.raises(VersionMissing, match="goeswith run ingest"):
        releases.read_release(profile)


def test_a_release_stands_on_the_one_before(profile: Profile, versions: dict[str, int]) -> None:
    releases.write_release(profile, "next", {"items": versions["items"]})
    assert releases.read_release(profile).name == "next"
    assert releases.read_release(profile).versions == versions


def test_releasing_the_same_again_changes_nothing(profile: Profile, versions: dict[str, int]) -> None:
    first = releases.read_release(profile)
    assert releases.write_release(profile, tiny_shop.RUN, versions) == first


def test_a_version_that_does_not_exist_is_never_released(profile: Profile, versions: dict[str, int]) -> None:
    with pytest.raises(VersionMissing, match="no version 99"):
        releases.write_release(profile, "broken", {"items": 99})
    assert releases.read_release(profile).name == tiny_shop.RUN


def test_an_older_release_can_still_be_read_by_name(profile: Profile, versions: dict[str, int]) -> None:
    releases.write_release(profile, "next", versions)
    assert releases.read_release(profile, tiny_shop.RUN).name == tiny_shop.RUN
    with pytest.raises(VersionMissing, match="nonsense"):
        releases.read_release(profile, "nonsense")


def test_a_job_reads_what_its_run_wrote_before_what_is_released(profile: Profile, versions: dict[str, int]) -> None:
    job = JobRun(profile=profile, run_id="r", versions={"items": 42})
    assert job.version_of("items") == 42
    assert job.version_of("events") == versions["events"]
    with pytest.raises(VersionMissing, match="item_pairs"):
        job.version_of("item_pairs")


def test_a_run_takes_no_table_back_that_another_released_while_it_was_at_work(profile: Profile, versions: dict[str, int]) -> None:
    changed = {**tiny_shop.item_rows(profile)[0], "price": 1.0}
    newer = tiny_shop.write_rows(profile, "items", [changed])
    releases.write_release(profile, "meanwhile", {"items": newer})
    done = release(JobRun(profile=profile, run_id="slow", versions=versions))
    assert done.summary["newer_already"] == ["items"]
    assert releases.read_release(profile).name == "slow"
    assert releases.released_versions(profile) == {**versions, "items": newer}
