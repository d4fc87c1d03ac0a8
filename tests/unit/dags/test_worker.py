"""A worker runs commands of ours one after the other, each with its own log; a crash ends it, and the next one is a new one."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from dags.operators.worker import Worker, close_kept_worker, keep_worker


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with Worker() as started:
        yield started


@pytest.fixture
def _no_worker_is_left() -> Iterator[None]:
    yield
    close_kept_worker()


def test_a_command_returns_what_it_printed(worker: Worker, tmp_path: Path) -> None:
    code, printed = worker.run(["tables"], tmp_path / "tables.log")
    assert code == 0
    assert "item_pairs" in printed


def test_a_failing_command_leaves_its_error_in_its_own_log_and_the_worker_goes_on(worker: Worker, tmp_path: Path) -> None:
    failed, _ = worker.run(["job", "nonsense", "--run", "r"], tmp_path / "first.log")
    passed, _ = worker.run(["tables"], tmp_path / "second.log")
    assert (failed, passed) == (2, 0)
    assert "no job is called 'nonsense'" in (tmp_path / "first.log").read_text(encoding="utf-8")
    assert (tmp_path / "second.log").read_text(encoding="utf-8") == ""


def test_a_wrong_option_is_an_exit_code_and_no_crash(worker: Worker, tmp_path: Path) -> None:
    code, _ = worker.run(["job", "--nonsense"], tmp_path / "usage.log")
    assert code == 2
    assert "nonsense" in (tmp_path / "usage.log").read_text(encoding="utf-8")


def test_a_log_that_is_there_already_is_begun_anew(worker: Worker, tmp_path: Path) -> None:
    log = tmp_path / "again.log"
    log.write_text("of an earlier run", encoding="utf-8")
    worker.run(["tables"], log)
    assert log.read_text(encoding="utf-8") == ""


@pytest.mark.usefixtures("_no_worker_is_left")
def test_spark_jobs_share_one_worker_until_it_dies(tmp_path: Path) -> None:
    first = keep_worker()
    assert keep_worker() is first
    os.kill(first.pid, signal.SIGKILL)
    code, printed = first.run(["tables"], tmp_path / "dead.log")
    assert (code, printed) == (-signal.SIGKILL, "")
    assert keep_worker() is not first


@pytest.mark.usefixtures("_no_worker_is_left")
def test_another_home_gets_another_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = keep_worker()
    monkeypatch.setenv("GOESWITH_HOME", str(tmp_path))
    assert keep_worker() is not first
