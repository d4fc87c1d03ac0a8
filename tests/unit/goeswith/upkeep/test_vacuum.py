"""What is pinned, recent or still to be consumed stays readable; all else is gone from the disk."""

from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goeswith import lake
from goeswith.errors import TableDamaged, VersionMissing
from goeswith.profile import Profile, load_profile
from goeswith.upkeep.log import checkpoint_if_due, cut_log, live_files, write_checkpoint
from goeswith.upkeep.stored import StoredFile, list_files
from goeswith.upkeep.vacuum import decide_keep, vacuum, would_vacuum
from tests.unit.goeswith.upkeep.shop import files_of, pair, pairs_at, write_pairs

NAME = "item_pairs"
NOW = timedelta()


def write_history(profile: Profile, versions: int) -> list[int]:
    """Write versions that each change one pair and keep the rest."""
    write_pairs(profile, *(pair("a", str(k), 0) for k in range(3)))
    return [write_pairs(profile, pair("a", str(k % 3), k + 1)) for k in range(versions)]


def readable(profile: Profile) -> set[int]:
    """Return the versions whose rows can all be read."""
    found = set()
    for version in range(lake.open_table(profile, NAME).version() + 1):
        try:
            pairs_at(profile, version)
        except (VersionMissing, TableDamaged):
            continue
        found.add(version)
    return found


def changes_of(profile: Profile, version: int) -> int:
    feed = lake.open_table(profile, NAME).load_cdf(starting_version=version, ending_version=version)
    return sum(batch.num_rows for batch in feed)


@settings(max_examples=12, deadline=None)
@given(pinned=st.sets(st.integers(1, 8), max_size=3), consumed=st.none() | st.integers(1, 9))
def test_every_pinned_version_reads_whole_and_the_others_are_gone(pinned: set[int], consumed: int | None) -> None:
    with TemporaryDirectory() as home:
        profile = load_profile(overrides={"home": Path(home)})
        head = write_history(profile, 8)[-1]
        before = {version: pairs_at(profile, version) for version in {*pinned, head}}
        keep = decide_keep(profile, NAME, pinned, consumed, NOW)
        vacuum(profile, NAME, keep, NOW)
        assert {version: pairs_at(profile, version) for version in before} == before
        recent = set(range(head if consumed is None else consumed, head + 1))
        assert {*pinned, *recent} <= readable(profile) <= {v for v in range(head + 1) if v >= min({*pinned, *recent})}
        for version in recent - {min(recent)}:
            assert changes_of(profile, version) >= 1


def test_a_version_that_nobody_pins_is_gone_from_disk_between_two_that_are(profile: Profile) -> None:
    versions = write_history(profile, 6)
    only = live_alone(profile, versions[3])
    vacuum(profile, NAME, decide_keep(profile, NAME, [versions[1], versions[5]], None, NOW), NOW)
    assert readable(profile) >= {versions[1], versions[5]}
    assert only
    assert not only & set(files_of(profile, NAME))


def live_alone(profile: Profile, version: int) -> set[str]:
    """Return the files that hold rows of this version and of neither of its neighbours two versions away."""
    return live_files(profile, NAME, version) - live_files(profile, NAME, version - 2) - live_files(profile, NAME, version + 2)


def test_what_retention_covers_stays_though_nobody_pins_it(profile: Profile) -> None:
    versions = write_history(profile, 5)
    hour = timedelta(hours=1)
    assert vacuum(profile, NAME, decide_keep(profile, NAME, [], None, hour), hour) == []
    assert set(versions) <= readable(profile)


def test_a_file_that_no_commit_names_yet_is_left_while_it_is_young(profile: Profile) -> None:
    write_history(profile, 1)
    young = Path(lake.table_uri(profile, NAME)) / "graph=full" / "young.parquet"
    young.write_bytes(b"a commit to come")
    hour = timedelta(hours=1)
    vacuum(profile, NAME, decide_keep(profile, NAME, [], None, hour), hour)
    assert young.exists()
    vacuum(profile, NAME, decide_keep(profile, NAME, [], None, NOW), NOW)
    assert not young.exists()


def test_what_would_be_removed_is_what_is_removed_and_a_second_time_nothing_is(profile: Profile) -> None:
    write_history(profile, 5)
    keep = decide_keep(profile, NAME, [], None, NOW)
    planned = would_vacuum(profile, NAME, keep, NOW)
    version = lake.current_version(profile, NAME)
    assert {file.path for file in vacuum(profile, NAME, keep, NOW)} == {file.path for file in planned}
    left = files_of(profile, NAME)
    assert vacuum(profile, NAME, decide_keep(profile, NAME, [], None, NOW), NOW) == []
    assert (files_of(profile, NAME), lake.current_version(profile, NAME)) == (left, version)


def test_a_cut_log_still_serves_readers_writers_and_the_next_checkpoint(profile: Profile) -> None:
    versions = write_history(profile, 4)
    cut_log(profile, NAME, versions[2])
    assert readable(profile) == {versions[2], versions[3]}
    with pytest.raises(VersionMissing, match="no version"):
        lake.open_table(profile, NAME, versions[1])
    assert write_pairs(profile, pair("new", "row", 1)) == versions[3] + 1
    for k in range(10):
        write_pairs(profile, pair("new", "row", k + 2))
    assert checkpoint_if_due(profile, NAME)
    assert not checkpoint_if_due(profile, NAME)
    assert pairs_at(profile)["new", "row"] == 11


def test_hadoops_checksum_of_the_last_checkpoint_goes_when_another_is_written(profile: Profile) -> None:
    version = write_history(profile, 2)[-1]
    stale = Path(lake.table_uri(profile, NAME)) / "_delta_log" / "._last_checkpoint.crc"
    stale.write_bytes(b"of another file")
    write_checkpoint(profile, NAME, version)
    assert not stale.exists()


@pytest.mark.parametrize(
    ("path", "owner", "version"),
    [
        ("graph=full/.part-0.parquet.crc", "graph=full/part-0.parquet", None),
        ("graph=full/part-0.parquet", "graph=full/part-0.parquet", None),
        ("_delta_log/.00000000000000000007.json.crc", "_delta_log/00000000000000000007.json", 7),
        ("_delta_log/00000000000000000007.checkpoint.parquet", "_delta_log/00000000000000000007.checkpoint.parquet", 7),
        ("_delta_log/_last_checkpoint", "_delta_log/_last_checkpoint", None),
        ("00000000000000000007.parquet", "00000000000000000007.parquet", None),
    ],
)
def test_a_checksum_goes_with_the_file_that_it_is_about(profile: Profile, path: str, owner: str, version: int | None) -> None:
    write_history(profile, 1)
    file = StoredFile(path, 1, list_files(profile, NAME)[0].modified)
    assert (file.owner, file.log_version) == (owner, version)
