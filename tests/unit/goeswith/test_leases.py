"""A lease says what a running job reads, and ends with its process however that ends."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from goeswith.errors import UpkeepRefused
from goeswith.jobs import JobRun
from goeswith.leases import await_step, await_turn, hold_lease, hold_upkeep, live_leases
from goeswith.profile import PROJECT_ROOT, Profile
from tests import tiny_shop

HOLD = """
import sys, time
from goeswith.jobs import JobRun
from goeswith.leases import await_step, await_turn, hold_lease
from goeswith.profile import load_profile
job = JobRun(profile=load_profile(), run_id="other", versions={"events": 3})
with hold_lease("count_pairs", job), await_step("count_pairs_again", job), await_turn("count_pairs", job):
    print("held", flush=True)
    time.sleep(60)
"""


def start_holder(home: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "GOESWITH_HOME": str(home)}
    holder = subprocess.Popen([sys.executable, "-c", HOLD], stdout=subprocess.PIPE, text=True, env=environment, cwd=PROJECT_ROOT)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def test_a_lease_names_what_the_job_was_given_and_what_is_released(profile: Profile) -> None:
    versions = tiny_shop.write_tiny_lake(profile)
    with hold_lease("count_pairs", JobRun(profile=profile, run_id="r", versions={"events": 0})):
        (lease,) = live_leases(profile)
    assert (lease.job, lease.run, lease.pid, lease.own) == ("count_pairs", "r", os.getpid(), True)
    assert lease.versions == {**versions, "events": 0}
    assert lease.folder == "spark_jobs"


def test_a_lease_ends_with_its_block_even_where_the_job_fails(profile: Profile) -> None:
    with pytest.raises(KeyError), hold_lease("release", JobRun(profile=profile, run_id="r")):
        raise KeyError
    assert live_leases(profile) == []
    assert list((profile.root / "leases").glob("*.json")) == []


def test_threads_that_do_one_job_at_once_hold_a_lease_each(profile: Profile) -> None:
    runs, held, seen = [f"r{number}" for number in range(16)], Barrier(17), Barrier(17)

    def hold(run: str) -> None:
        with hold_lease("count_pairs", JobRun(profile=profile, run_id=run)):
            held.wait(10)
            seen.wait(10)

    with ThreadPoolExecutor(16) as pool:
        holders = [pool.submit(hold, run) for run in runs]
        held.wait(10)
        assert sorted(lease.run for lease in live_leases(profile)) == sorted(runs)
        seen.wait(10)
        assert [holder.result(10) for holder in holders] == [None] * 16
    assert live_leases(profile) == []


def test_a_killed_process_holds_nothing_though_its_file_is_left(profile: Profile) -> None:
    holder = start_holder(profile.root)
    (lease,) = live_leases(profile)
    assert (lease.pid, lease.own, lease.versions) == (holder.pid, False, {"events": 3})
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert len(list((profile.root / "leases").glob("*.json"))) == 1
    assert live_leases(profile) == []
    assert list((profile.root / "leases").glob("*.json")) == []


def test_a_file_whose_pid_was_given_to_another_process_is_stale(profile: Profile) -> None:
    with hold_lease("release", JobRun(profile=profile, run_id="r")):
        (path,) = (profile.root / "leases").glob("*.json")
        told = json.loads(path.read_text())
    path.write_text(json.dumps({**told, "pid": os.getppid()}))  # a living process that holds no lock on it
    assert live_leases(profile) == []


def test_one_process_at_a_time_removes_versions(profile: Profile) -> None:
    with hold_upkeep(profile), pytest.raises(UpkeepRefused, match="another process"), hold_upkeep(profile):
        time.sleep(0)
    with hold_upkeep(profile):
        pass


def take_turn(name: str, profile: Profile) -> float:
    """Return when this process had its turn."""
    with await_turn(name, JobRun(profile=profile, run_id="second")):
        return time.monotonic()


def waits_for_the_killed(take: Callable[[], float], profile: Profile, caplog: pytest.LogCaptureFixture) -> bool:
    """Return whether ``take``, which says when it had its turn, had it only after the process that held it was killed."""
    holder = start_holder(profile.root)
    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(take)
        until = time.monotonic() + 30
        while not caplog.messages and time.monotonic() < until:
            time.sleep(0.01)
        killed = time.monotonic()
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        return second.result(30) > killed


def test_a_second_process_that_does_the_same_job_waits_and_a_killed_one_keeps_nobody_waiting(
    profile: Profile, caplog: pytest.LogCaptureFixture
) -> None:
    assert waits_for_the_killed(lambda: take_turn("count_pairs", profile), profile, caplog)
    assert caplog.messages == ["job count_pairs of run second waits until another process, which does the same job, has ended"]


@pytest.mark.parametrize("other", ["measure_pairs", "train_cirp"])
def test_different_jobs_and_those_that_write_apart_wait_for_nobody(profile: Profile, caplog: pytest.LogCaptureFixture, other: str) -> None:
    with await_turn("count_pairs", JobRun(profile=profile, run_id="r")), await_turn("train_cirp", JobRun(profile=profile, run_id="r")):
        take_turn(other, profile)
    assert caplog.messages == []


def test_a_lock_is_no_lease(profile: Profile) -> None:
    with await_turn("gate", JobRun(profile=profile, run_id="r")):
        assert live_leases(profile) == []


def take_step(step: str, run: str, profile: Profile) -> float:
    """Return when this process had its turn at the step."""
    with await_step(step, JobRun(profile=profile, run_id=run)):
        return time.monotonic()


def test_a_second_try_of_a_step_waits_for_the_first(profile: Profile, caplog: pytest.LogCaptureFixture) -> None:
    assert waits_for_the_killed(lambda: take_step("count_pairs_again", "other", profile), profile, caplog)
    assert caplog.messages == ["step count_pairs_again of run other waits until another try of it has ended"]


def test_a_second_try_of_a_step_takes_away_the_lease_of_one_that_died(profile: Profile) -> None:
    holder = start_holder(profile.root)
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert len(list((profile.root / "leases").glob("*.json"))) == 1
    take_step("count_pairs_again", "other", profile)
    assert list((profile.root / "leases").glob("*.json")) == []


def test_other_steps_and_other_runs_wait_for_nobody(profile: Profile, caplog: pytest.LogCaptureFixture) -> None:
    with await_step("train_cirp_full", JobRun(profile=profile, run_id="monday")):
        take_step("train_cirp_evaluation", "monday", profile)
        take_step("train_cirp_full", "tuesday", profile)
    assert caplog.messages == []
