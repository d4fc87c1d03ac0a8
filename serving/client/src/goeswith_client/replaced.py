"""A file that others replace while it is used: read again whenever it is another one."""

from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")


class ReplacedFile(Generic[T]):
    """What ``parse`` makes of a file, and ``missing`` while there is none. Raises what ``parse`` and the file system raise."""

    def __init__(self, path: Path, parse: Callable[[Path], T], missing: T) -> None:
        self._path, self._parse, self._missing = path, parse, missing
        self._read: tuple[tuple[int, int, int], T] | None = None

    def read(self) -> T:
        """Return the content as it is now, parsed once for each file that was put there."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return self._missing
        stamp = (found.st_mtime_ns, found.st_ino, found.st_size)
        if self._read is None or self._read[0] != stamp:
            self._read = (stamp, self._parse(self._path))
        return self._read[1]
