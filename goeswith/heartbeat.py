"""Heartbeats: a long loop says with its steps that it goes on. One that is silent for too long hangs, though its process lives."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from goeswith.errors import LeaseLost
from goeswith.leases import Lease, beat_file, held_lease, live_files
from goeswith.profile import Profile

EVERY_S = 15.0
"""A heartbeat is a touch of a file, which on a shared volume is a message to its server: no more of them than that."""


@contextmanager
def heartbeat() -> Iterator[Callable[[], None]]:
    """Yield what a loop calls with each of its steps; outside of a job it does nothing.

    The call raises ``LeaseLost`` where the job's lease was taken away: the process was taken for dead, so another try may be at work.
    """
    lease = held_lease()
    if lease is None:
        yield unheard
        return
    beat = _Beat(lease)
    beat()
    try:
        yield beat
    finally:
        beat_file(lease).unlink(missing_ok=True)


def find_silent(profile: Profile, bound_s: float) -> list[Lease]:
    """Return the leases of live processes whose loop has been silent for longer; a job that is in no such loop is never silent."""
    leases = live_files(profile)
    return [lease for path, lease in leases.items() if _silence_s(path) > bound_s]


def _silence_s(lease: Path) -> float:
    """Return for how long a lease was silent, by the clock of the volume: clocks of machines differ."""
    try:
        beaten = beat_file(lease).stat().st_mtime
    except FileNotFoundError:
        return 0.0
    clock = lease.with_name(".clock")
    clock.touch()
    return clock.stat().st_mtime - beaten


def unheard() -> None:
    """Stand in for a heartbeat where nobody listens."""


class _Beat:
    """The heartbeat of one lease."""

    def __init__(self, lease: Path) -> None:
        self.lease = lease
        self.next = 0.0

    def __call__(self) -> None:
        now = time.monotonic()
        if now < self.next:
            return
        if not self.lease.exists():
            raise LeaseLost("this job was taken for dead, and its place given away", "nothing: another try of it is at work, or comes")
        beat_file(self.lease).touch()
        self.next = now + EVERY_S
