"""Run a command in a process of its own and watch how much memory it and all that it started hold together."""

import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psutil

from goeswith.errors import GoeswithError
from goeswith.profile import PROJECT_ROOT

EVERY_S = 0.1
LAST_LINES = 3


@dataclass(frozen=True, slots=True)
class Watched:
    """What a command printed, and the most that its process tree held [MB]."""

    printed: str
    peak_mb: float


def run_watched(command: Sequence[str], environment: Mapping[str, str]) -> Watched:
    """Run a command in the repository's root. Raises ``GoeswithError`` with its last words where it fails."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as out, tempfile.TemporaryFile("w+", encoding="utf-8") as err:
        process = subprocess.Popen(command, cwd=PROJECT_ROOT, env=dict(environment), stdout=out, stderr=err)  # noqa: S603 - our own command, no shell
        peak = 0
        while process.poll() is None:
            peak = max(peak, resident_bytes(process.pid))
            time.sleep(EVERY_S)
        out.seek(0), err.seek(0)
        if process.returncode:
            last = "\n".join(err.read().strip().splitlines()[-LAST_LINES:])
            raise GoeswithError(
                f"{' '.join(command[1:4])} ended with exit code {process.returncode}: {last}",
                "run that module with that order to see all that it says",
            )
        return Watched(out.read(), peak / 2**20)


def resident_bytes(pid: int) -> int:
    """Return the resident memory of a process and its descendants; pages that forked workers share count once for each."""
    try:
        root = psutil.Process(pid)
        return sum(_resident(process) for process in (root, *root.children(recursive=True)))
    except psutil.NoSuchProcess:
        return 0


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:  # it ended while we looked
        return 0
