"""Kill -9 of a job's driver, its JVM and its workers at random moments: run again, the tables hold what they would have held anyway."""

import os
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from goeswith import lake
from tests.faults import shop
from tests.faults.history import History, list_steps, profile_of, read_contents
from tests.faults.processes import Ended, JobProcess, Step, run_step

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.timeout(1800)]

STEPS = [step.name for step in list_steps(Path("first"), Path("second"))]
COMMITS = {"ingest_second": 3, "count_pairs_second": 2}
"""How many commits, at least, the steps of the quick rounds make: items, events, quarantine; item numbers, ledger."""
ROUNDS = 4
SEED = int(os.environ.get("FAULT_SEED", time.time_ns() % 10**6))
"""Drawn anew each time, and printed by a failing test; FAULT_SEED=N draws the same moments again."""


@pytest.fixture(scope="module")
def history(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> History:
    return History(tmp_path_factory.mktemp("kill"))


def count_commits(home: Path) -> int:
    return len(list(home.glob("lake/*/_delta_log/*.json")))


def after_commits(home: Path, number: int) -> Callable[[], bool]:
    wanted = count_commits(home) + number
    return lambda: count_commits(home) >= wanted


def after_seconds(seconds: float) -> Callable[[], bool]:
    until = time.monotonic() + seconds
    return lambda: time.monotonic() >= until


@pytest.mark.parametrize("name", COMMITS)
def test_killed_between_two_commits_and_again_at_any_moment_a_job_ends_where_it_would_have(history: History, tmp_path: Path, name: str) -> None:
    rng = random.Random(SEED)  # noqa: S311 - moments, no secret
    step, versions, started = history.reach(name), history.copy_before(name, tmp_path), time.monotonic()
    wanted = rng.randrange(1, COMMITS[name])
    assert JobProcess(tmp_path, step, versions).kill_when(after_commits(tmp_path, wanted)), f"{name} ended before its commit {wanted + 1}"
    share, whole = rng.random(), time.monotonic() - started
    JobProcess(tmp_path, step, versions).kill_when(after_seconds(share * whole))
    print(f"{name}: seed {SEED}, killed after {wanted} commits ({whole:.1f} s), then at {share:.2f} of that")  # noqa: T201 - shown where it fails
    ended = run_step(tmp_path, step, versions)
    assert ended.code == 0, ended.said
    assert read_contents(tmp_path) == history.expected(name)
    if step.job == "ingest":
        count_rows(tmp_path, step, ended)


@pytest.mark.long
@pytest.mark.parametrize("only_driver", [False, True], ids=["all processes", "only the driver's Python"])
@pytest.mark.parametrize("name", STEPS)
def test_killed_at_many_random_moments_any_job_ends_where_it_would_have(history: History, tmp_path: Path, name: str, only_driver: bool) -> None:
    rng = random.Random(f"{SEED} {name} {only_driver}")  # noqa: S311 - moments, no secret
    step, home, started = history.reach(name), tmp_path / "measured", time.monotonic()
    assert run_step(home, step, history.copy_before(name, home)).code == 0
    whole, shares = time.monotonic() - started, sorted(rng.random() for _ in range(ROUNDS))
    for attempt in range(8):  # on a machine that has become idle the job may be done before each of the moments: earlier ones, then
        home, moments = tmp_path / f"killed-{attempt}", [share * whole / 2**attempt for share in shares]
        versions = history.copy_before(name, home)
        killed = [JobProcess(home, step, versions).kill_when(after_seconds(moment), only_driver=only_driver) for moment in moments]
        if any(killed):
            break
    told = f"{name}: seed {SEED}, {whole:.1f} s, killed after {moments} s: {killed}"
    ended = run_step(home, step, versions)
    assert ended.code == 0, f"{told}\n{ended.said}"
    assert read_contents(home) == history.expected(name), told
    if step.job == "ingest":
        count_rows(home, step, ended)
    assert any(killed), "the job was done before each of the moments"


def count_rows(home: Path, step: Step, ended: Ended) -> None:
    """Every row that came in is counted once, and every id that it names stands in its table or in the quarantine."""
    came, profile = Path(step.params["data"]), profile_of(home)
    for table, key in (("items", "item_id"), ("events", "event_id")):
        account = ended.result["summary"]["rows"][table]
        assert account["in"] == account["kept"] + account["quarantined"] + account["duplicates"] == shop.count_rows(came)[table]
        kept = lake.read_table(profile, table, columns=(key,))[key].to_pylist()
        named = shop.read_ids(came, table, key) | shop.read_ids(came.with_name("first"), table, key)
        assert named == {*kept, *shop.read_refused(lake.read_table(profile, "quarantine"), table, key)}
        assert len(kept) == len(set(kept))
