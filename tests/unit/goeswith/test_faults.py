"""A fault from outside ends with what happened and what to do; the errors are those that the libraries really raise."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from goeswith import lake
from goeswith.errors import ConfigError, EnvironmentMissing, GoeswithError, SourceUnreadable, TableDamaged, WriteConflict
from goeswith.faults import explain_faults, find_fault
from goeswith.profile import Profile
from tests import tiny_shop

SPARK = "An error occurred while calling o1.collectToPython.\n: org.apache.spark.SparkException: [FAILED_READ_FILE.NO_HINT] Encountered error while "
"""How a real one begins."""


def test_a_full_disk_is_named_with_its_folder(profile: Profile) -> None:
    with pytest.raises(EnvironmentMissing, match="no space is left") as raised, explain_faults(profile, "job ingest"):
        Path("/dev/full").write_text("x", encoding="utf-8")
    assert str(profile.root) in raised.value.what
    assert "make room" in raised.value.remedy


def test_a_cause_behind_an_error_is_found(profile: Profile) -> None:
    with pytest.raises(EnvironmentMissing), explain_faults(profile, "job ingest"):
        write_in_vain()


def write_in_vain() -> None:
    try:
        Path("/dev/full").write_text("x", encoding="utf-8")
    except OSError as error:
        raise RuntimeError("the write failed") from error


def test_of_two_writers_the_later_hears_of_the_other(profile: Profile) -> None:
    tiny_shop.write_tiny_lake(profile)
    first, second = lake.open_table(profile, "items"), lake.open_table(profile, "items")
    first.delete("item_id = 'pan-red-0'")
    with pytest.raises(WriteConflict, match="another process") as raised, explain_faults(profile, "job x"):
        second.update(updates={"title": "'x'"})
    assert "run it again" in raised.value.remedy
    assert lake.read_table(profile, "items").num_rows == 59


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def turn_bits(file: Path) -> None:
    held = file.read_bytes()
    file.write_bytes(held[:4] + bytes(byte ^ 0xFF for byte in held[4 : len(held) // 2]) + held[len(held) // 2 :])


@pytest.mark.parametrize("harm", [cut, turn_bits, Path.unlink])
@pytest.mark.parametrize("names", [("items", "events"), ("events", "items")])
def test_of_two_tables_that_are_read_together_the_damaged_one_is_named(
    profile: Profile, names: tuple[str, str], harm: Callable[[Path], None]
) -> None:
    versions = tiny_shop.write_tiny_lake(profile)
    harm(next((profile.root / "lake" / "events").rglob("part-*.parquet")))
    tables = {name: (name, versions[name]) for name in names}
    with pytest.raises(TableDamaged, match="table 'events' cannot be read"):
        list(lake.query_versions(profile, tables, "SELECT * FROM items JOIN events ON items.item_id = events.item_id"))


@pytest.mark.parametrize("harm", [cut, turn_bits, Path.unlink])
def test_a_damaged_table_is_named_and_its_remedy_as_it_stands_mends_it(profile: Profile, harm: Callable[[Path], None]) -> None:
    tiny_shop.write_tiny_lake(profile)
    whole = lake.read_table(profile, "events").drop_columns(["updated_at"])
    harm(next((profile.root / "lake" / "events").rglob("part-*.parquet")))
    with pytest.raises(TableDamaged, match="table 'events' cannot be read") as raised:
        lake.read_table(profile, "events")
    code = raised.value.remedy.split("python -c ")[1].strip("'")
    subprocess.run([sys.executable, "-c", code], check=True)
    tiny_shop.write_rows(profile, "events", whole.to_pylist())
    key = [("event_id", "ascending")]
    assert lake.read_table(profile, "events").drop_columns(["updated_at"]).sort_by(key) == whole.sort_by(key)


@pytest.mark.parametrize("harm", [cut, lambda file: file.write_bytes(b"\x00\x01" * 50), Path.unlink])
def test_a_damaged_log_is_named(profile: Profile, harm: Callable[[Path], None]) -> None:
    tiny_shop.write_tiny_lake(profile)
    lake.open_table(profile, "events").delete("item_id = 'pan-red-0'")
    harm(profile.root / "lake" / "events" / "_delta_log" / f"{1:020}.json")
    for version in (None, 2):
        with pytest.raises(TableDamaged, match="the log of table 'events' cannot be read: ") as raised:
            lake.open_table(profile, "events", version)
        assert "\n" not in raised.value.what
        assert f"move {profile.lake_uri}/events away" in raised.value.remedy


def test_a_damaged_checkpoint_is_named(profile: Profile) -> None:
    tiny_shop.write_tiny_lake(profile)
    lake.open_table(profile, "events").create_checkpoint()
    cut(next((profile.root / "lake" / "events" / "_delta_log").glob("*.checkpoint.parquet")))
    with pytest.raises(TableDamaged, match="the log of table 'events'"):
        lake.open_table(profile, "events")


def test_of_sparks_error_the_file_tells_whether_a_table_or_a_source_is_damaged(profile: Profile) -> None:
    file = f"{profile.lake_uri}/item_pairs/graph=full/part-00000-c000.snappy.parquet"
    found = find_fault(RuntimeError(f"{SPARK}reading file file:{file}.  SQLSTATE: KD001"), profile, "job x")
    assert isinstance(found, TableDamaged)
    assert f"table 'item_pairs' cannot be read: its file {file}" in found.what
    own = find_fault(RuntimeError(f"{SPARK}reading file file:/data/my%20shop/events.parquet.  SQLSTATE: KD001"), profile, "job x")
    assert isinstance(own, SourceUnreadable)
    assert own.what == "/data/my shop/events.parquet cannot be read"


@pytest.mark.parametrize("written", ["file:{}", "file://{}", "{}"])
def test_a_file_of_a_log_is_told_from_a_file_of_rows_however_spark_writes_its_path(profile: Profile, written: str) -> None:
    for name in ("_delta_log/00000000000000000010.checkpoint.parquet", "_delta_log/00000000000000000011.json"):
        file = f"{profile.lake_uri}/item_pairs/{name}"
        found = find_fault(RuntimeError(f"{SPARK}reading file {written.format(file)}.  SQLSTATE: KD001"), profile, "job x")
        assert isinstance(found, TableDamaged)
        assert f"the log of table 'item_pairs' cannot be read: its file {file} is" in found.what
        assert f"move {profile.lake_uri}/item_pairs away" in found.remedy


def test_a_file_of_a_lake_in_an_object_store_is_known_by_its_uri(profile: Profile) -> None:
    remote = profile.model_copy(update={"lake": "s3a://bucket/lake"})
    found = find_fault(RuntimeError(f"{SPARK}reading file s3a://bucket/lake/events/part-0.parquet.  SQLSTATE: KD001"), remote, "job x")
    assert isinstance(found, TableDamaged)
    assert "table 'events' cannot be read: its file s3a://bucket/lake/events/part-0.parquet" in found.what


@pytest.mark.parametrize("error", [ConfigError("a mistake"), ValueError("a bug of ours"), RuntimeError(f"{SPARK}nothing that it names")])
def test_any_other_error_goes_on_as_it_is(profile: Profile, error: Exception) -> None:
    with pytest.raises(type(error)) as raised, explain_faults(profile, "job x"):
        raise error
    assert raised.value is error
    assert isinstance(error, GoeswithError) or find_fault(error, profile, "job x") is None
