"""Leases: which jobs run now, and which table versions they read. The kernel frees the lease of a process that dies."""

import fcntl
import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex

from goeswith.errors import UpkeepRefused
from goeswith.jobs import ONE_AT_A_TIME, JobRun, folder_of
from goeswith.locks import await_lock
from goeswith.profile import Profile
from goeswith.releases import released_versions

_held: ContextVar[Path | None] = ContextVar("held", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A running job: ``versions`` maps each table that it may read to the version."""

    job: str
    run: str
    versions: Mapping[str, int]
    host: str
    pid: int
    started: str

    @property
    def folder(self) -> str:
        """The folder whose tables the job may write: the catalogue's name of a writer."""
        return folder_of(self.job)

    @property
    def own(self) -> bool:
        """Whether this very process holds it."""
        return (self.host, self.pid) == (socket.gethostname(), os.getpid())


@contextmanager
def hold_lease(name: str, job: JobRun) -> Iterator[None]:
    """Hold a lease on what a job reads, for as long as the block runs.

    The lease is a file that this process keeps locked: one whose lock is free belongs to a dead process, whatever became of its pid.
    """
    versions = {**released_versions(job.profile), **job.versions}
    host, pid, started = socket.gethostname(), os.getpid(), datetime.now(UTC).isoformat()
    lease = Lease(job=name, run=job.run_id, versions=versions, host=host, pid=pid, started=started)
    path = _folder(job.profile) / f"{name}-{host}-{pid}-{token_hex(4)}.json"  # the threads of a process may do one job, and each holds its own
    hidden = path.with_name(f".{path.name}")
    with hidden.open("w", encoding="utf-8") as out:
        fcntl.flock(out, fcntl.LOCK_EX)
        json.dump(asdict(lease), out)
        out.flush()
        hidden.rename(path)  # seen only once it is locked and whole
        try:
            with adopt_lease(path):
                yield
        finally:
            path.unlink(missing_ok=True)


@contextmanager
def adopt_lease(path: Path | None) -> Iterator[None]:
    """Let what the block does count as work of the lease in this file, which this process or the one that started it holds."""
    token = _held.set(path)
    try:
        yield
    finally:
        _held.reset(token)


def held_lease() -> Path | None:
    """Return the file of the lease under which this is done, None for work that is no job's."""
    return _held.get()


@contextmanager
def await_step(step: str, job: JobRun) -> Iterator[None]:
    """Let one process at a time do a step of a run: a second try waits until the first has ended or died, and takes its lease away.

    The lock is on the shared home, so it holds between machines too, where the home has POSIX locks.
    """
    folder = job.profile.runs / job.run_id
    folder.mkdir(parents=True, exist_ok=True)
    with await_lock(folder / f".{step}.lock", f"step {step} of run {job.run_id} waits until another try of it has ended"):
        live_leases(job.profile)  # looking removes those of the dead
        yield


@contextmanager
def await_turn(name: str, job: JobRun) -> Iterator[None]:
    """Let one process at a time do a job of ``ONE_AT_A_TIME``; another waits, and says so, until the first has ended or died.

    Delta refuses neither of two appends that were both made from the same version: items would get two numbers, meetings count twice.
    """
    if name not in ONE_AT_A_TIME:
        yield
        return
    waiting = f"job {name} of run {job.run_id} waits until another process, which does the same job, has ended"
    with await_lock(_folder(job.profile) / f".{name}", waiting):
        yield


def live_leases(profile: Profile) -> list[Lease]:
    """Return the leases of processes that live; those of dead ones are removed."""
    return list(live_files(profile).values())


def live_files(profile: Profile) -> dict[Path, Lease]:
    """Return the leases of processes that live by their files; those of dead ones are removed."""
    found = {path: _read_live(path) for path in sorted(_folder(profile).glob("[!.]*.json"))}
    return {path: lease for path, lease in found.items() if lease is not None}


def _read_live(path: Path) -> Lease | None:
    try:
        held = path.open(encoding="utf-8")
    except FileNotFoundError:  # its job has just ended
        return None
    with held:
        try:
            fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return Lease(**json.load(held))
        path.unlink(missing_ok=True)
        beat_file(path).unlink(missing_ok=True)
        return None


def beat_file(lease: Path) -> Path:
    """Return the file whose time says when the holder of a lease last took a step (``goeswith.heartbeat``)."""
    return lease.with_suffix(".beat")


@contextmanager
def hold_upkeep(profile: Profile) -> Iterator[None]:
    """Let one process at a time remove versions. Raises ``UpkeepRefused`` where another does."""
    with (_folder(profile) / ".upkeep").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UpkeepRefused("another process maintains these tables, or forgets a user in them", "wait until it has ended") from None
        yield


def _folder(profile: Profile) -> Path:
    folder = profile.root / "leases"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
