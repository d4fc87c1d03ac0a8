"""What is pinned: the newest releases, those of models, what the online store holds, and what running jobs read."""

import pyarrow as pa
import pytest
from deltalake import CommitProperties, write_deltalake

from goeswith import lake, pins, releases
from goeswith.catalogue import find_table
from goeswith.pins import Pin, consumed_versions, read_pins
from goeswith.profile import Profile
from goeswith.results import write_json
from tests.unit.goeswith.test_leases import start_holder
from tests.unit.goeswith.upkeep.shop import export_model, pair, write_pairs

BLOCK = {"kind": "pair", "relation": 0, "held": False, "bucket": 0, "batch": 0, "part": 0, "keys": b"", "n": b"", "amount": b""}
LEDGER_ROW = pa.Table.from_pylist([{**BLOCK, "events": 1, "holdout": 1, "settings": "{}"}], schema=find_table("pair_ledger").schema)


@pytest.fixture
def versions(profile: Profile) -> list[int]:
    """Release three versions of item_pairs as r0, r1 and r2."""
    written = [write_pairs(profile, pair("a", "b", n)) for n in (1, 2, 3)]
    for number, version in enumerate(written):
        releases.write_release(profile, f"r{number}", {"item_pairs": version})
    return written


def test_the_newest_releases_are_pinned(profile: Profile, versions: list[int]) -> None:
    assert read_pins(profile, 2) == [Pin("item_pairs", versions[1], "release r1"), Pin("item_pairs", versions[2], "release r2")]


def test_a_model_pins_the_release_that_it_was_trained_from(profile: Profile, versions: list[int]) -> None:
    export_model(profile, "old", "r0")
    write_json(profile.model_repository / "manifest.json", {"run": "served", "release": "r1"})
    assert {(pin.version, pin.holder) for pin in read_pins(profile, 1)} == {
        (versions[0], "model old"),
        (versions[1], "model served"),
        (versions[2], "release r2"),
    }


def test_an_invalid_release_pins_nothing_for_anybody(profile: Profile, versions: list[int]) -> None:
    export_model(profile, "old", "r0")
    assert releases.invalidate_releases(profile, ["r0", "r2", "unknown"], "a reason") == ["r0", "r2"]
    assert read_pins(profile, 3) == [Pin("item_pairs", versions[1], "release r1")]


def test_what_the_online_store_holds_or_is_being_brought_to_is_pinned(profile: Profile, versions: list[int]) -> None:
    state = {"release": "r0", "versions": {"item_pairs": versions[0]}, "under_way": [{"item_pairs": versions[1]}]}
    write_json(profile.features / pins.ONLINE_STATE, state)
    assert {pin.version for pin in read_pins(profile, 1)} == set(versions)


def test_a_running_job_pins_what_it_reads_until_it_ends(profile: Profile) -> None:
    holder = start_holder(profile.root)
    (pin,) = read_pins(profile, 1)
    assert (pin.table, pin.version) == ("events", 3)
    assert f"pid {holder.pid}" in pin.holder
    holder.kill()
    holder.wait()
    assert read_pins(profile, 1) == []


def test_changes_are_kept_from_the_version_that_their_reader_consumed_last(profile: Profile) -> None:
    delta = lake.create_table(profile, "pair_ledger")
    for consumed in (2, 4):
        told = {"userMetadata": f'{{"consumed": {{"events": {consumed}, "holdout": 1}}, "job": "x", "run": "r"}}'}
        write_deltalake(delta, LEDGER_ROW, mode="append", commit_properties=CommitProperties(custom_metadata=told))
    lake.open_table(profile, "pair_ledger").alter.set_table_properties({"delta.appendOnly": "true"})  # upkeep names nothing
    assert consumed_versions(profile) == {"events": 4, "holdout": 1}


def test_without_any_table_nothing_is_pinned_or_consumed(profile: Profile) -> None:
    assert read_pins(profile, 5) == []
    assert consumed_versions(profile) == {}
