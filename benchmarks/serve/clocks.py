"""Clocks: one caller after another, many at once, and where an answer's time goes."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.serve.made import Catalogue
from goeswith_client import ClientError

Ask = Callable[[str], Any]
Clock = Callable[[], float]


@dataclass(slots=True)
class Taken:
    """Times of answers [ms], the wall time of all [s], and how many calls ended in an error."""

    ms: list[float] = field(default_factory=list)
    seconds: float = 0.0
    errors: int = 0

    def metrics(self) -> dict[str, float]:
        """Return median and 99th percentile, answers a second, and errors."""
        found = np.asarray(self.ms)
        return {
            "p50_ms": float(np.percentile(found, 50)),
            "p99_ms": float(np.percentile(found, 99)),
            "per_second": len(found) / self.seconds,
            "errors": float(self.errors),
        }


def ask_for(seconds: float, ask: Ask, ids: Sequence[str]) -> Taken:
    """Ask one after another, in the order of ``ids`` and round again, for so long."""
    taken, started = Taken(), time.perf_counter()
    for item in _round(ids):
        before = time.perf_counter()
        if before - started >= seconds:
            break
        try:
            ask(item)
            taken.ms.append((time.perf_counter() - before) * 1e3)
        except ClientError:
            taken.errors += 1
    taken.seconds = time.perf_counter() - started
    return taken


def ask_at_once(callers: int, seconds: float, ask: Ask, ids: Sequence[str]) -> Taken:
    """Let so many threads ask through one client, each in an order of its own, beginning together."""
    start = threading.Barrier(callers)

    def caller(number: int) -> Taken:
        own = np.random.default_rng(number).permutation(np.array(ids, dtype=np.str_)).tolist()
        start.wait()
        return ask_for(seconds, ask, own)

    with ThreadPoolExecutor(callers) as pool:
        parts = list(pool.map(caller, range(callers)))
    return Taken([ms for part in parts for ms in part.ms], max(part.seconds for part in parts), sum(part.errors for part in parts))


def _round(ids: Sequence[str]) -> Iterator[str]:
    while True:
        yield from ids


def drawn(ids: Sequence[str], count: int, seed: int) -> list[str]:
    """Return ``count`` of the ids at random."""
    return [ids[at] for at in np.random.default_rng(seed).integers(0, len(ids), count).tolist()]


def department_of(catalogue: Catalogue) -> dict[str, str]:
    """Return each item's department."""
    return dict(zip(catalogue.ids, catalogue.department, strict=True))


class Timed:
    """Passes calls on to ``inner`` and adds up the time that they take [s]."""

    def __init__(self, inner: Any) -> None:
        self.inner, self.seconds = inner, 0.0

    def __getattr__(self, name: str) -> Any:
        """Return the inner one's attribute; a method with a clock around it."""
        found = getattr(self.inner, name)
        return self._clocked(found) if callable(found) else found

    def _clocked(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def clocked(*args: Any, **named: Any) -> Any:
            started = time.perf_counter()
            try:
                return call(*args, **named)
            finally:
                self.seconds += time.perf_counter() - started

        return clocked
