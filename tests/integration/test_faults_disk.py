"""A full disk, a real one of a few megabytes: the job says so, nothing half-written counts, and with room again it ends where it would have."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from goeswith.errors import EnvironmentMissing
from tests.faults.history import Contents, History, call_step, read_contents
from tests.small_disk import mounted_disk

pytestmark = [pytest.mark.spark, pytest.mark.slow]

SIZE_MB, BLOCK = 32, 4096
ROOMS = (0, 8, 24)
"""Blocks that are left: none, too few to note what runs; enough for that and for the first files."""


@pytest.fixture(scope="module")
def history(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> History:
    return History(tmp_path_factory.mktemp("disk"))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with mounted_disk(tmp_path / "disk", megabytes=SIZE_MB) as folder:
        yield folder


def fill(ballast: Path, room: int) -> None:
    """Write until nothing more fits but ``room`` blocks."""
    with ballast.open("ab", buffering=0) as out:
        with suppress(OSError):
            while True:
                out.write(bytes(BLOCK))
        out.truncate(out.tell() - room * BLOCK)


@pytest.mark.parametrize("name", ["count_pairs_first", pytest.param("ingest_second", marks=pytest.mark.long)])
def test_on_a_full_disk_a_job_says_so_and_with_room_again_ends_where_it_would_have(history: History, disk: Path, name: str) -> None:
    home, ballast = disk / "home", disk / "ballast"
    step, versions = history.reach(name), history.copy_before(name, home)
    before = read_contents(home)
    for room in ROOMS:
        fill(ballast, room)
        ended = call_step(home, step, versions)
        assert ended.code == EnvironmentMissing.exit_code, ended.said
        assert "no space is left on the disk" in ended.said
        assert "Traceback" not in ended.said
        assert_whole(read_contents(home), before, history.expected(name))
    ballast.unlink()
    ended = call_step(home, step, versions)
    assert ended.code == 0, ended.said
    assert read_contents(home) == history.expected(name)


def assert_whole(found: Contents, before: Contents, after: Contents) -> None:
    """Every table holds what it held before, nothing if it was not there, or all that is due."""
    for table, rows in found.items():
        assert rows in (before.get(table, []), after[table]), f"{table} is half written"
