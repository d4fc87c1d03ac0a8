"""Locks on files of the shared home: whoever holds one frees it when he ends or dies, on this machine or another."""

import fcntl
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from goeswith.profile import Profile

logger = logging.getLogger(__name__)


@contextmanager
def await_lock(path: Path, waiting: str) -> Iterator[None]:
    """Hold the lock of a file for as long as the block runs; where another has it, say so by ``waiting`` and wait."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            logger.warning(waiting)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def write_alone(profile: Profile, table: str) -> Iterator[None]:
    """Let one process at a time commit to a table of Spark's whose log lies in an object store; the block looks at the table and commits.

    On a disk, and between writers without a JVM, Delta itself refuses the second of two commits of one version. Delta for Spark does not on S3:
    it looks whether the commit is there and then writes it, over one that came between.
    """
    if not profile.on_s3:
        yield
        return
    with await_lock(profile.root / "leases" / f".table-{table}", f"table {table} waits until another process has written it"):
        yield
