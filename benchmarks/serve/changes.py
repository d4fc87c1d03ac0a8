"""Versions that come and go under load: a canary, its promotion, and the way back, while callers ask without a pause."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event

import numpy as np

from benchmarks.serve.clocks import Ask
from benchmarks.serve.export import write_export
from benchmarks.serve.made import DATA
from benchmarks.serve.slices import ANSWER, OURS, ROLLOUT, TASK, Tell, question
from benchmarks.serve.stack import Stack
from goeswith.jobs import JobRun
from goeswith.results import Figure
from goeswith_client import Answer, ClientError
from serving.rollout import publish
from serving.rollout.change import promote, roll_back

CALLERS = 16
SHARE = 0.2
OTHER = "bench-other"
"""The run whose export comes and goes; its vectors are others, so every answer of it is new to every cache."""


@dataclass(slots=True)
class Asked:
    """What callers got: times of answers [ms], errors, and answers that the model did not give."""

    ms: list[float] = field(default_factory=list)
    errors: int = 0
    fallbacks: int = 0


def bench_rollout(stack: Stack, answers: int, tell: Tell) -> Iterator[Figure]:
    """Yield how long each change takes, and what callers saw of it, over as many rounds as it takes to have so many ``answers``."""
    write_export(stack.profile, stack.catalogue, OTHER, seed=1)
    ask, ids = question(stack, stack.client, ANSWER)
    ended, asked = Event(), [Asked() for _ in range(CALLERS)]
    with ThreadPoolExecutor(CALLERS) as pool:
        callers = [pool.submit(_ask_until, ended, ask, ids[at:] + ids[:at], seen) for at, seen in enumerate(asked)]
        try:
            took = _change_until(stack, lambda: sum(len(seen.ms) for seen in asked) >= answers, tell)
        finally:
            ended.set()
        for caller in callers:
            caller.result()
    yield from _figures(asked, took)


def _ask_until(ended: Event, ask: Ask, ids: list[str], seen: Asked) -> None:
    at = 0
    while not ended.is_set():
        started = time.perf_counter()
        try:
            answer: Answer = ask(ids[at % len(ids)])
            seen.fallbacks += answer.source not in ("model", "content")
            seen.ms.append((time.perf_counter() - started) * 1e3)
        except ClientError:
            seen.errors += 1
        at += 1


def _change_until(stack: Stack, enough: Callable[[], bool], tell: Tell) -> dict[str, list[float]]:
    """Publish, promote and roll back round by round, and return how long each took [s]."""
    profile, took = stack.profile, dict[str, list[float]]()
    steps: dict[str, Callable[[], object]] = {
        "publish_seconds": lambda: publish.run(JobRun(profile=profile, run_id="other", params={"run": OTHER, "canary": SHARE})),
        "promote_seconds": lambda: promote(profile, "for the figure"),
        "roll_back_seconds": lambda: roll_back(profile, why="for the figure"),
    }
    while not took or not enough():
        for name, step in steps.items():
            tell(f"{ROLLOUT}, round {len(took.get(name, [])) + 1}: {name.removesuffix('_seconds').replace('_', ' ')}")
            started = time.perf_counter()
            step()
            took.setdefault(name, []).append(time.perf_counter() - started)
    return took


def _figures(asked: list[Asked], took: dict[str, list[float]]) -> Iterator[Figure]:
    ms = np.concatenate([seen.ms for seen in asked])
    errors, fallbacks = (float(sum(getattr(seen, name) for seen in asked)) for name in ("errors", "fallbacks"))
    seen = {"answers": float(len(ms)), "errors": errors, "fallbacks": fallbacks, "p50_ms": np.percentile(ms, 50), "p99_ms": np.percentile(ms, 99)}
    for metric, value in {**seen, **{name: np.mean(seconds) for name, seconds in took.items()}}.items():
        n = len(took[metric]) if metric in took else len(ms)
        yield Figure(task=TASK, data=DATA, slice=ROLLOUT, model=OURS, metric=metric, value=float(value), n=n)
