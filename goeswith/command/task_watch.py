"""Which task of a run is under way: seen from the log files that tasks open, so it works wherever they run."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from goeswith.profile import Profile

POLL_S = 0.5


@contextmanager
def watch_tasks(profile: Profile, run_id: str, on_task: Callable[[str], None]) -> Iterator[None]:
    """Call ``on_task`` with the id of each task of the run that starts while the block runs."""
    stop = threading.Event()
    folder = profile.runs / run_id
    seen = _started(folder)
    watcher = threading.Thread(target=_watch, args=(folder, seen, stop, on_task), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        stop.set()
        watcher.join()


def _watch(folder: Path, seen: dict[str, int], stop: threading.Event, on_task: Callable[[str], None]) -> None:
    while not stop.wait(POLL_S):
        for task, at in _started(folder).items():
            if seen.get(task) != at:
                seen[task] = at
                on_task(task)


def _started(folder: Path) -> dict[str, int]:
    logs = sorted(folder.glob("*.log"), key=lambda path: path.stat().st_mtime_ns)
    return {path.stem: path.stat().st_ino for path in logs}
