"""Worker processes: the parent's side of ``goeswith worker``."""

import atexit
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

CLOSE_S = 30.0


class Worker:
    """A process that runs commands of ours one after the other. As a context manager it ends with the block."""

    def __init__(self) -> None:
        self.settings = _settings()
        command = [sys.executable, "-m", "goeswith", "--verbose", "worker"]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self._process = subprocess.Popen(command, start_new_session=True, **pipes)  # noqa: S603 - our own command, in a group that ends as one

    def __enter__(self) -> Self:
        """Return the worker itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """End the process."""
        self.close()

    def run(self, words: Sequence[str], log: Path) -> tuple[int, str]:
        """Run ``goeswith WORDS`` with its log in a file; return its exit code and standard output. A crash returns the process's code."""
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise AssertionError("the worker was started with pipes")
        try:
            stdin.write(json.dumps({"words": list(words), "log": str(log)}) + "\n")
            stdin.flush()
            line = stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            return self._process.wait() or 1, ""
        answer = json.loads(line)
        return answer["code"], answer["printed"]

    @property
    def pid(self) -> int:
        """Return the process's id."""
        return self._process.pid

    def serves(self) -> bool:
        """Return whether the process lives and has the settings that a new one would have."""
        return self._process.poll() is None and self.settings == _settings()

    def close(self) -> None:
        """Let the process end, at once where it is in the middle of something."""
        if self._process.stdin is not None and self._process.poll() is None:
            self._process.stdin.close()
            try:
                self._process.wait(CLOSE_S)
            except subprocess.TimeoutExpired:
                self._process.kill()


_kept: list[Worker] = []


def keep_worker() -> Worker:
    """Return the worker that this process keeps for Spark jobs: starting a JVM and the gates' imports takes longer than most jobs."""
    if not (_kept and _kept[0].serves()):
        close_kept_worker()
        _kept.append(Worker())
    return _kept[0]


def close_kept_worker() -> None:
    """End the kept worker, where there is one."""
    while _kept:
        _kept.pop().close()


def _settings() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("GOESWITH_")}


atexit.register(close_kept_worker)
