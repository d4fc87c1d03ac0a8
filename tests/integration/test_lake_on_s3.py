"""The small shop's whole way on a lake in an object store: the same rows as on a disk, no credential anywhere, and jobs that are killed there."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from goeswith import lake, releases
from goeswith.profile import PROJECT_ROOT
from tests.faults import shop
from tests.faults.history import Contents, list_steps, profile_of, read_contents
from tests.faults.processes import SIZED, JobProcess, Step, run_step
from tests.s3_server import S3Server, s3_server

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]

LATER = ("ingest_second", "reserve_holdout_second", "count_pairs_second")
"""An addition to the shop: on a disk, test_faults_kill holds it; here one addition is enough, and it is the killed job's."""


@dataclass(frozen=True, slots=True)
class Way:
    """What the whole way left: the home, and the versions that the last step gave on."""

    home: Path
    versions: Mapping[str, int]


def walk(home: Path, steps: list[Step], environment: Mapping[str, str]) -> Way:
    """Run steps one after the other in one process of ours, with one JVM, and then publish and check the features."""
    worker = Worker(home, environment)
    versions: dict[str, int] = {}
    for step in steps:
        versions |= worker.call(step.words(versions))["versions"]
    for job in ("apply_features", "materialise"):
        worker.call(["job", job, "--run", "second", "--versions", json.dumps(versions)])
    worker.call(["features", "check", "--json"])
    worker.call(["job", "maintain", "--run", "upkeep", "--params", json.dumps({"retention_hours": 0, "keep_releases": 1})])
    worker.end()
    return Way(home, versions)


class Worker:
    """``goeswith worker`` with a home of its own."""

    def __init__(self, home: Path, environment: Mapping[str, str]) -> None:
        self._logs = (home / "logs" / f"{number}.log" for number in count())
        settings = {**os.environ, **SIZED, "GOESWITH_HOME": str(home), **environment}
        words = [sys.executable, "-m", "goeswith", "worker"]
        self._process = subprocess.Popen(words, cwd=PROJECT_ROOT, env=settings, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def call(self, words: list[str]) -> dict[str, Any]:
        """Run a command; return the JSON of its last line."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        log = next(self._logs)
        self._process.stdin.write(json.dumps({"words": words, "log": str(log)}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert answer["code"] == 0, f"{words[:2]}: {log.read_text(encoding='utf-8')[-3000:]}"
        found: dict[str, Any] = json.loads(answer["printed"]) if words[0] == "features" else json.loads(answer["printed"].strip().splitlines()[-1])
        return found

    def end(self) -> None:
        """Let it end by itself."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        assert self._process.wait(60) == 0


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as running:
        yield running


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Step]:
    folder = tmp_path_factory.mktemp("source")
    return {step.name: step for step in list_steps(shop.write_first(folder / "first"), shop.write_second(folder / "second"))}


@pytest.fixture(scope="module")
def first_steps(steps: dict[str, Step]) -> list[Step]:
    return [step for name, step in steps.items() if name not in LATER]


@pytest.fixture(scope="module")
def on_disk(first_steps: list[Step], tmp_path_factory: pytest.TempPathFactory) -> Way:
    return walk(tmp_path_factory.mktemp("disk"), first_steps, {})


@pytest.fixture(scope="module")
def on_s3(first_steps: list[Step], server: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Way:
    return walk(tmp_path_factory.mktemp("s3"), first_steps, {**server.environment(), "GOESWITH_SPARK__CONF": '{"spark.log.level": "INFO"}'})


@pytest.fixture
def reached(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process, and those that it starts, reach the lake in the object store."""
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def begun(server: S3Server, steps: dict[str, Step], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Way:
    """Return what the first ingest left in a lake of the test's own; this process reaches it, too."""
    for name, value in server.environment(f"begun-{tmp_path.name}").items():
        monkeypatch.setenv(name, value)
    ended = run_step(tmp_path, steps["ingest_first"], {})
    assert ended.code == 0, ended.said
    return Way(tmp_path, ended.result["versions"])


def contents(home: Path) -> Contents:
    """Return the rows of all tables but those that say which runs and gates there were: these hold times and seconds."""
    return {name: rows for name, rows in read_contents(home).items() if name not in ("releases", "gate_results")}


def test_the_same_rows_are_released_and_served_as_on_a_disk(on_disk: Way, on_s3: Way, reached: None) -> None:
    assert not (on_s3.home / "lake").exists()
    assert contents(on_s3.home) == contents_on_disk(on_disk)
    assert {*releases.released_versions(profile_of(on_s3.home))} >= {"items", "events", "relations", "edge_verdicts"}
    assert (on_s3.home / "features" / "online.json").exists()


def contents_on_disk(way: Way) -> Contents:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("GOESWITH_", "AWS_"))]:
            patch.delenv(name)
        return contents(way.home)


def test_no_file_holds_the_credential(on_s3: Way, server: S3Server) -> None:
    files = [path for folder in (on_s3.home, server.folder / "buckets") for path in folder.rglob("*") if path.is_file()]
    assert [path.name for path in files if path.suffix == ".log"]
    assert not [path for path in files if server.secret.encode() in path.read_bytes()]


def test_a_job_that_is_killed_between_two_commits_and_run_again_ends_where_it_would_have(begun: Way, steps: dict[str, Step]) -> None:
    profile = profile_of(begun.home)
    step, before = steps["ingest_second"], {name: lake.current_version(profile, name) for name in ("items", "events")}
    job = JobProcess(begun.home, step, begun.versions)
    assert job.kill_when(lambda: any(lake.current_version(profile, name) != version for name, version in before.items()))
    ended = run_step(begun.home, step, begun.versions)
    assert ended.code == 0, ended.said
    account = ended.result["summary"]["rows"]["events"]
    assert account["in"] == account["kept"] + account["quarantined"] + account["duplicates"]
    kept = lake.read_table(profile, "events", columns=("event_id",))["event_id"].to_pylist()
    refused = shop.read_refused(lake.read_table(profile, "quarantine"), "events", "event_id")
    assert shop.read_ids(Path(step.params["data"]), "events", "event_id") <= {*kept, *refused}
    assert len(kept) == len(set(kept))


def test_a_job_whose_object_store_goes_away_ends_soon_and_says_so(begun: Way, steps: dict[str, Step], server: S3Server) -> None:
    server.stop()
    try:
        started = time.monotonic()
        ended = run_step(begun.home, steps["count_pairs_first"], begun.versions)
        assert ended.code == 18, ended.said
        assert server.endpoint in ended.said
        assert "GOESWITH_S3__ENDPOINT" in ended.said
        assert "Traceback" not in ended.said
        assert time.monotonic() - started < 180
    finally:
        server.start()
