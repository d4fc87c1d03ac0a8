"""A soak: 70% of what the deployment bears, for minutes on end, half of it through the gateway; and whether anything grows."""

import http.client
import os
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from urllib.parse import quote

import numpy as np

from benchmarks.serve.clocks import Ask, ask_for, department_of
from benchmarks.serve.gateway import ask_gateway, serving_gateway
from benchmarks.serve.made import DATA
from benchmarks.serve.slices import ANSWER, OURS, SOAK, TASK, K, Tell, question
from benchmarks.serve.stack import Stack
from goeswith.results import Figure
from goeswith_client import ClientError
from serving.rollout.current import model_status

CALLERS = 16
SHARE = 0.7
"""Of the rate that callers reach who ask without a pause."""
MEASURED_S = 5.0
SAMPLES = 60
"""Looks at the memory, evenly over the time."""
SETTLED = 0.25
"""The first part of the time is left out of what grows: caches fill, allocators take what they keep."""
SHARED = Path("/dev/shm")  # noqa: S108 - what Triton and its Python models share


@dataclass(slots=True)
class Soaked:
    """What callers got, and the memory [MB] of each part at each look."""

    answers: int = 0
    errors: int = 0
    memory: dict[str, list[float]] = field(default_factory=dict)


def bench_soak(stack: Stack, minutes: float, tell: Tell) -> Iterator[Figure]:
    """Yield the rate, the errors, and of client, gateway, Triton and shared memory what they held at the end and by how much they grew."""
    with serving_gateway(stack) as pid:
        asks = _callers(stack)
        capacity = _capacity(asks)
        tell(f"{SOAK}: {SHARE:.0%} of {capacity:.0f} answers a second for {minutes:g} minutes")
        parts = {"client": os.getpid(), "gateway": pid, "triton": model_status(stack.profile).pid or 0}
        soaked = _soak(asks, SHARE * capacity, minutes * 60, parts)
    rates = {"per_second": soaked.answers / (minutes * 60), "capacity_per_second": capacity, "errors": float(soaked.errors)}
    held = {f"{part}_mb": mb[-1] for part, mb in soaked.memory.items()}
    grown = {f"{part}_mb_grown": _grown(mb) for part, mb in soaked.memory.items()}
    for metric, value in {**rates, **held, **grown}.items():
        yield Figure(task=TASK, data=DATA, slice=SOAK, model=OURS, metric=metric, value=value, n=soaked.answers)


def _callers(stack: Stack) -> list[tuple[Ask, list[str]]]:
    """Return what each caller asks, and of which items: every second one through the gateway."""
    ask, ids = question(stack, stack.client, ANSWER)
    of = department_of(stack.catalogue)

    def path_of(item: str) -> str:
        return f"/ask/substitutes/{item}?k={K}&in_stock=true&category={quote(of[item])}"

    return [(ask_gateway(stack, path_of) if n % 2 else ask, ids[n:] + ids[:n]) for n in range(CALLERS)]


def _capacity(asks: list[tuple[Ask, list[str]]]) -> float:
    """Return the answers a second of callers that never pause."""
    with ThreadPoolExecutor(len(asks)) as pool:
        return sum(len(taken.ms) / taken.seconds for taken in pool.map(lambda caller: ask_for(MEASURED_S, *caller), asks))


def _soak(asks: list[tuple[Ask, list[str]]], rate: float, seconds: float, parts: Mapping[str, int]) -> Soaked:
    soaked, until = Soaked(), time.perf_counter() + seconds
    with ThreadPoolExecutor(len(asks)) as pool:
        asking = [pool.submit(_ask_paced, ask, ids, len(asks) / rate, until) for ask, ids in asks]
        for _ in range(SAMPLES):
            time.sleep(seconds / SAMPLES)
            for part, held in _memory_mb(parts).items():
                soaked.memory.setdefault(part, []).append(held)
        for answers, errors in (caller.result() for caller in asking):
            soaked.answers, soaked.errors = soaked.answers + answers, soaked.errors + errors
    return soaked


def _ask_paced(ask: Ask, ids: list[str], every_s: float, until: float) -> tuple[int, int]:
    """Ask once every so many seconds, late ones at once, and return answers and errors."""
    errors, started = 0, time.perf_counter()
    for asked in count():
        wait = started + asked * every_s - time.perf_counter()
        if time.perf_counter() + max(wait, 0.0) >= until:
            return asked - errors, errors
        time.sleep(max(wait, 0.0))
        try:
            ask(ids[asked % len(ids)])
        except (ClientError, OSError, http.client.HTTPException):
            errors += 1
    raise AssertionError("time has no end")


def _memory_mb(parts: Mapping[str, int]) -> dict[str, float]:
    """Return what each part's processes hold, shared pages by share, and what lies in shared memory."""
    shared = sum(path.stat().st_blocks * 512 for path in SHARED.iterdir() if path.is_file())
    return {**{part: sum(map(_held, _group(pid))) / 1024 for part, pid in parts.items()}, "shared": shared / 2**20}


def _group(pid: int) -> list[int]:
    """Return the processes that a server leads; of our own process only itself."""
    if pid == os.getpid():
        return [pid]
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit() and _leader_of(int(path.name)) == pid]


def _leader_of(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return None


def _held(pid: int) -> int:
    """Return a process's proportional set size [KB], 0 where it has just ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def _grown(held: list[float]) -> float:
    """Return by how much the last quarter of what is left after settling lies above its first, by medians."""
    settled = held[int(SETTLED * len(held)) :]
    part = max(1, len(settled) // 4)
    return float(np.median(settled[-part:]) - np.median(settled[:part]))
