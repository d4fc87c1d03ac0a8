"""Segments: files of JSON lines that events wait in. Each process writes one at a time; closed ones belong to the job that takes them.

An open segment is locked while it is written, and closed by whoever holds its lock: a full one by its writer, any other by the job. So a
segment of a process that died is closed as any other, and what was acknowledged is read.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from threading import Lock

from goeswith.errors import EnvironmentMissing
from goeswith.profile import Profile

OPEN, CLOSED = ".open", ".jsonl"
SEGMENT_BYTES = 16 * 2**20
"""A segment of this size is closed: the job holds one at a time in memory."""


def segments_folder(profile: Profile) -> Path:
    """Return where the segments lie."""
    return profile.feedback / "segments"


class Segments:
    """What one process appends to. Thread-safe; as many processes as like may share the folder."""

    def __init__(self, folder: Path, max_bytes: int, segment_bytes: int = SEGMENT_BYTES) -> None:
        self._folder, self._max_bytes, self._segment_bytes = folder, max_bytes, segment_bytes
        self._path: Path | None = None
        self._lock = Lock()

    def append(self, lines: bytes) -> None:
        """Write whole lines, all or none; they are on the disk when this returns.

        Raises ``EnvironmentMissing`` where the buffer is full or the disk refuses: then none of them counts.
        """
        with self._lock:
            self._require_room(len(lines))
            try:
                self._append(lines)
            except OSError as error:
                self._path = None  # whatever is wrong with that file: the next lines go into another
                raise EnvironmentMissing(f"events cannot be written: {error.strerror}", "make room on the disk of the gateway's home") from error

    def waiting_bytes(self) -> int:
        """Return the size of all segments, those of other processes too."""
        return sum(_size(path) for ending in (OPEN, CLOSED) for path in self._folder.glob(f"*{ending}"))

    def _append(self, lines: bytes) -> None:
        with self._held() as (path, file):
            _write_whole(file, lines)
            if os.fstat(file).st_size >= self._segment_bytes:
                path.rename(path.with_suffix(CLOSED))

    @contextmanager
    def _held(self) -> Iterator[tuple[Path, int]]:
        """Yield this process's open segment, locked: a new one where the last was closed."""
        self._folder.mkdir(parents=True, exist_ok=True)
        while True:
            path, file = self._open()
            try:
                fcntl.flock(file, fcntl.LOCK_EX)
                if _is_at(path, file):
                    yield path, file
                    return
            finally:
                os.close(file)

    def _open(self) -> tuple[Path, int]:
        if self._path is not None:
            try:
                return self._path, os.open(self._path, os.O_WRONLY | os.O_APPEND)
            except FileNotFoundError:  # the job closed it
                pass
        self._path = self._folder / f"{time.time_ns()}-{os.getpid()}-{token_hex(4)}{OPEN}"
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
        _sync_folder(self._folder)
        return self._path, file

    def _require_room(self, num_bytes: int) -> None:
        if self.waiting_bytes() + num_bytes > self._max_bytes:
            what = f"{self._max_bytes // 2**20} MB of events wait already"
            raise EnvironmentMissing(what, "take them into the lake: goeswith run feedback; or raise GOESWITH_GATEWAY__EVENTS_MB")


def close_segments(folder: Path) -> None:
    """Close every open segment, whoever writes it: its writer goes on with another."""
    for path in sorted(folder.glob(f"*{OPEN}")):
        try:
            file = os.open(path, os.O_WRONLY)  # never made anew: its name would then be that of a closed one
        except FileNotFoundError:  # its writer has just closed it
            continue
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            if _is_at(path, file):
                path.rename(path.with_suffix(CLOSED))
        finally:
            os.close(file)


def closed_segments(folder: Path) -> list[Path]:
    """Return the closed segments, the oldest first."""
    return sorted(folder.glob(f"[!.]*{CLOSED}"))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # closed or taken since it was listed
        return 0


def _is_at(path: Path, file: int) -> bool:
    """Whether an open file still has this name."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file))
    except FileNotFoundError:
        return False


def _write_whole(file: int, lines: bytes) -> None:
    before, rest = os.fstat(file).st_size, memoryview(lines)
    try:
        while rest:
            rest = rest[os.write(file, rest) :]
        os.fsync(file)
    except OSError:
        os.ftruncate(file, before)
        raise


def _sync_folder(folder: Path) -> None:
    """Let the name of a new file be on the disk, too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
