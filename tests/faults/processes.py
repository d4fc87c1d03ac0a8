"""Jobs as real processes, ``goeswith job NAME``, and the end of such a process with all that it started."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from goeswith.profile import PROJECT_ROOT

POLL_S = 0.005
LIMIT_S = 600.0
SIZED = {"GOESWITH_SPARK__DRIVER_MEMORY": "1g", "GOESWITH_SPARK__SHUFFLE_PARTITIONS": "2", "GOESWITH_JUDGE__KIND": "rules"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One call of a job: its name, run, parameters, and the name of its record."""

    job: str
    run: str
    params: Mapping[str, Any]
    name: str

    def words(self, versions: Mapping[str, int]) -> list[str]:
        """Return the command's words."""
        options = {"--run": self.run, "--step": self.name, "--versions": json.dumps(dict(versions)), "--params": json.dumps(dict(self.params))}
        return ["job", self.job, *(word for option in options.items() for word in option)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a process ended: its exit code (negative: the signal), and what it wrote."""

    code: int
    printed: str
    said: str

    @property
    def result(self) -> dict[str, Any]:
        """The job's last line: versions and summary."""
        found: dict[str, Any] = json.loads(self.printed.strip().splitlines()[-1])
        return found


class JobProcess:
    """A running job. Its output goes to files, so that no full pipe stops it."""

    def __init__(self, home: Path, step: Step, versions: Mapping[str, int]) -> None:
        self._out, self._err = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        command = [sys.executable, "-m", "goeswith", *step.words(versions)]
        environment = {**os.environ, **SIZED, "GOESWITH_HOME": str(home)}
        self._process = subprocess.Popen(command, stdout=self._out, stderr=self._err, cwd=PROJECT_ROOT, env=environment)

    def wait(self) -> Ended:
        """Wait for the end; nothing that it started is left."""
        code = self._process.wait(LIMIT_S)
        printed, said = (_read(file) for file in (self._out, self._err))
        return Ended(code=code, printed=printed, said=said)

    def kill_when(self, moment: Callable[[], bool], *, only_driver: bool = False) -> bool:
        """Kill -9 the driver, its JVM and its Python workers once ``moment`` is there; return whether it still ran then.

        With ``only_driver`` the driver's Python alone is killed, and the rest has to end by itself.
        """
        until = time.monotonic() + LIMIT_S
        while self._process.poll() is None and not moment() and time.monotonic() < until:
            time.sleep(POLL_S)
        running = self._process.poll() is None
        kill_tree(self._process.pid, only_root=only_driver)
        self.wait()
        return running


def run_step(home: Path, step: Step, versions: Mapping[str, int]) -> Ended:
    """Run one job to its end."""
    return JobProcess(home, step, versions).wait()


def kill_tree(pid: int, *, only_root: bool) -> None:
    """Kill a process, and unless ``only_root`` all that it started, the parent first: nobody may tidy up. Wait until all are gone."""
    try:
        root = psutil.Process(pid)
        children = root.children(recursive=True)
    except psutil.NoSuchProcess:
        return
    for process in [root] if only_root else [root, *children]:
        with suppress(psutil.NoSuchProcess):  # it ended while we looked
            process.kill()
    _, alive = psutil.wait_procs(children, timeout=LIMIT_S)
    assert not alive, f"processes outlive their driver: {alive}"


def _read(file: Any) -> str:
    file.seek(0)
    with file:
        text: str = file.read().decode()
    return text
