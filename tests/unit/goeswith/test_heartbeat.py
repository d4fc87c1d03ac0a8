"""A heartbeat says that a loop goes on; silence finds one that hangs, and a lease that was taken away stops one that was taken for dead."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from goeswith import heartbeat as module
from goeswith.errors import LeaseLost
from goeswith.heartbeat import find_silent, heartbeat
from goeswith.jobs import JobRun
from goeswith.leases import adopt_lease, beat_file, held_lease, hold_lease
from goeswith.profile import Profile


@pytest.fixture
def lease(profile: Profile) -> Iterator[Path]:
    with hold_lease("train_cirp", JobRun(profile=profile, run_id="r")):
        held = held_lease()
        assert held is not None
        yield held


@pytest.fixture
def _every_beat_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EVERY_S", 0.0)


def grow_old(lease: Path, by_s: float) -> None:
    beaten = beat_file(lease).stat().st_mtime - by_s
    os.utime(beat_file(lease), (beaten, beaten))


def test_a_loop_that_takes_no_step_for_too_long_is_silent(profile: Profile, lease: Path) -> None:
    with heartbeat():
        grow_old(lease, 100)
        assert [found.job for found in find_silent(profile, 60)] == ["train_cirp"]
        assert find_silent(profile, 200) == []


@pytest.mark.usefixtures("_every_beat_counts")
def test_a_step_ends_the_silence(profile: Profile, lease: Path) -> None:
    with heartbeat() as beat:
        grow_old(lease, 100)
        beat()
        assert find_silent(profile, 60) == []


def test_a_file_is_touched_no_more_often_than_it_must(lease: Path) -> None:
    with heartbeat() as beat:
        grow_old(lease, 5)
        before = beat_file(lease).stat().st_mtime_ns
        beat()
        assert beat_file(lease).stat().st_mtime_ns == before


def test_a_job_outside_of_its_loop_is_never_silent(profile: Profile, lease: Path) -> None:
    with heartbeat():
        grow_old(lease, 100)
    assert find_silent(profile, 60) == []
    assert list(lease.parent.glob("*.beat")) == []


@pytest.mark.usefixtures("_every_beat_counts")
def test_a_loop_whose_lease_was_taken_away_stops(lease: Path) -> None:
    with heartbeat() as beat:
        lease.unlink()
        with pytest.raises(LeaseLost, match="taken for dead"):
            beat()


def test_work_that_is_no_jobs_has_no_heartbeat() -> None:
    with heartbeat() as beat:
        beat()
    assert held_lease() is None


def test_a_process_that_a_job_starts_beats_for_its_lease(profile: Profile, lease: Path) -> None:
    with adopt_lease(None), adopt_lease(lease), heartbeat():
        assert beat_file(lease).exists()
