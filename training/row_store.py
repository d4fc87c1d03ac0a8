"""Rows that are costly to make, kept on disk by key and read as a memory map: decoded pictures, outputs of frozen layers.

``rows.bin`` only grows; ``index.json`` names what is whole, so a write that was cut off is written again. Rows are found by
content (a picture's reference, a text's hash), so graphs, runs and recipes share them.
"""

import fcntl
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from goeswith.progress import progress
from goeswith.results import write_atomically

Rows = npt.NDArray[Any]


class RowStore:
    """Runs of rows of one ``shape`` and ``dtype`` by key: key -> (first row, how many)."""

    def __init__(self, folder: Path, shape: tuple[int, ...], dtype: npt.DTypeLike) -> None:
        self.folder, self.shape, self.dtype = folder, shape, np.dtype(dtype)
        self.row_bytes = self.dtype.itemsize * int(np.prod(shape))

    def add(self, keys: Sequence[str], make: Callable[[list[str]], list[Rows]], *, chunk: int, what: str) -> None:
        """Make what is missing: ``make(keys)`` returns each key's rows (count, *shape); ``chunk`` keys at a time, in the order given."""
        with self._locked():
            known = self._index()
            missing = [key for key in dict.fromkeys(keys) if key not in known]
            with progress(what, len(missing), unit="items") as advance:
                for start in range(0, len(missing), chunk):
                    part = missing[start : start + chunk]
                    known.update(zip(part, self._append(make(part)), strict=True))
                    write_atomically(self.folder / "index.json", json.dumps(known))
                    advance(len(part), "")

    def spans(self, keys: Sequence[str]) -> npt.NDArray[np.int64]:
        """Return (len(keys), 2): first row and number of rows."""
        known = self._index()
        return np.array([known[key] for key in keys], dtype=np.int64).reshape(-1, 2)

    def rows(self) -> Rows:
        """Return all rows (R, *shape), memory-mapped."""
        path = self.folder / "rows.bin"
        count = path.stat().st_size // self.row_bytes if path.exists() else 0
        if not count:
            return np.empty((0, *self.shape), self.dtype)
        return np.memmap(path, self.dtype, mode="r", shape=(count, *self.shape))

    def _index(self) -> dict[str, list[int]]:
        path = self.folder / "index.json"
        found: dict[str, list[int]] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        return found

    def _append(self, parts: list[Rows]) -> list[list[int]]:
        """Append behind the last whole row and return the spans."""
        path = self.folder / "rows.bin"
        spans, at = [], (path.stat().st_size if path.exists() else 0) // self.row_bytes
        with path.open("r+b" if path.exists() else "wb") as out:
            out.truncate(at * self.row_bytes)
            out.seek(at * self.row_bytes)
            for rows in parts:
                out.write(np.ascontiguousarray(rows, self.dtype).tobytes())
                spans.append([at, len(rows)])
                at += len(rows)
        return spans

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
