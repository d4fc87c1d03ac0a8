"""A worker runs commands of ours one after the other, each with its own log; a crash ends it, and the next one is a new one."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dags.operators.worker import Worker, close_kept_worker, keep_worker
from goeswith.profile import PROJECT_ROOT


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


STARTER = """
from pathlib import Path
from dags.operators.worker import Worker
worker = Worker()
Path("pid").write_text(str(worker.pid))
worker.run(["report"], Path("log"))
"""


def test_a_busy_worker_does_not_outlive_the_process_that_started_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "summary.json")  # the report waits for it for ever
    environment = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT), "GOESWITH_HOME": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", STARTER], cwd=tmp_path, env=environment) as parent:
        wait_until(lambda: (tmp_path / "log").exists())
        parent.kill()
    worker = Path("/proc", (tmp_path / "pid").read_text(encoding="utf-8"))
    wait_until(lambda: not worker.exists())


def wait_until(holds: Callable[[], bool]) -> None:
    for _ in range(200):
        if holds():
            return
        time.sleep(0.2)
    pytest.fail("it never happened")


PARENT = """
import subprocess, sys
from pathlib import Path
from goeswith.command.worker import _end_with_children
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
Path("pid").write_text(str(child.pid))
_end_with_children()
"""


def test_what_a_worker_has_started_ends_with_it(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT)}
    done = subprocess.run([sys.executable, "-c", PARENT], cwd=tmp_path, env=environment, check=False, start_new_session=True)
    assert done.returncode == -signal.SIGKILL
    child = Path("/proc", (tmp_path / "pid").read_text(encoding="utf-8"))
    wait_until(lambda: not child.exists() or "\nState:\tZ" in (child / "status").read_text(encoding="utf-8"))
