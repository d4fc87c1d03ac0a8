"""Figures are data before they are prose: rows of JSON lines under ``results/``."""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from goeswith.profile import Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured value: ``value`` in [``low``, ``high``] (95%) of ``metric``, over ``n`` cases and one ``seed`` (None: over all)."""

    task: str
    data: str
    slice: str
    model: str
    metric: str
    value: float
    low: float | None = None
    high: float | None = None
    n: int | None = None
    seed: int | None = None
    seconds: float | None = None


def write_figures(profile: Profile, name: str, figures: Iterable[Figure]) -> Path:
    """Write ``results/NAME.jsonl`` atomically and return its path."""
    lines = "".join(json.dumps(asdict(figure), sort_keys=True) + "\n" for figure in figures)
    return write_atomically(profile.results / f"{name}.jsonl", lines)


def read_figures(profile: Profile, name: str) -> list[Figure]:
    """Return the figures of ``results/NAME.jsonl``; none where it does not exist."""
    return load_figures(profile.results / f"{name}.jsonl")


def load_figures(path: Path) -> list[Figure]:
    """Return the figures of a file of JSON lines; none where it does not exist."""
    if not path.exists():
        return []
    return [Figure(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def write_json(path: Path, value: Any, *, mode: int = 0o666) -> Path:
    """Write a JSON file atomically; ``mode`` as for ``write_atomically``."""
    return write_atomically(path, json.dumps(value, indent=1, sort_keys=True, default=str) + "\n", mode=mode)


def write_atomically(path: Path, content: str | bytes, *, mode: int = 0o666) -> Path:
    """Write a file, a text as UTF-8, so that a reader, or a crash, sees the old or the new one whole.

    ``mode`` are its permissions, less the umask, from its first byte on.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with open(beside, "wb", opener=lambda name, flags: os.open(name, flags, mode)) as out:
        out.write(content.encode() if isinstance(content, str) else content)
        out.flush()
        os.fsync(out.fileno())
    beside.replace(path)
    return path


@contextmanager
def hold_file(path: Path) -> Iterator[None]:
    """Let one process at a time read a file and write what follows from it: of two, the later would bring back what the earlier changed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f".{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
