"""The slices of ``goeswith bench mmsc``: ours and a rival by turns on the same pairs, and the capacity of one machine."""

import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.estimates import Estimate, geometric_mean
from benchmarks.mmsc.agreement import require_same_instances
from benchmarks.mmsc.capacity import CAPACITY, measure_capacity
from benchmarks.mmsc.lesson import Lesson, build_lesson
from benchmarks.mmsc.made import DATA
from benchmarks.mmsc.tasks import BuildSampler, Ours, Theirs, Timed
from goeswith.results import Figure
from training.trainer.loop import fit

TASK, OURS = "mmsc", "goeswith"
NEIGHBOR_LOADER, METAPATH_SAMPLER = "neighbor_loader", "metapath_sampler"
SLICES = (NEIGHBOR_LOADER, METAPATH_SAMPLER, CAPACITY)
WORKERS = (0, 1, 2)
"""Loader processes among which a rival has its best."""
TRIAL_STEPS = 6
MEANS = ("sampling_share", "workers")
"""Metrics that may be 0, shown as plain means without an interval."""
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What is trained on, ``repeats`` times by each engine; what the trainer writes lies below ``folder``."""

    items: int
    edges: int
    steps: int
    repeats: int
    folder: Path


@dataclass(frozen=True, slots=True)
class Run:
    """The timed epoch of one training: ``edges`` learned from in ``seconds``, ``sampled_s`` of them spent on walks."""

    edges: int
    seconds: float
    sampled_s: float


def bench_slice(bench: Bench, name: str, tell: Tell) -> list[Figure]:
    """Return the figures of one slice.

    Raises ``EnvironmentMissing`` without the rival's library, ``DataContractError`` where walks are of another kind.
    """
    return _capacity(bench, tell) if name == CAPACITY else _trainings(bench, name, tell)


def rival_of(name: str) -> tuple[str, BuildSampler]:
    """Return the rival of a slice: the name that figures give it, and how its sampler is built. Raises ``EnvironmentMissing`` without its library."""
    if name == METAPATH_SAMPLER:
        from benchmarks.mmsc.metapath_sampler import MetapathSampler

        return "PyG, MetaPath2Vec's sampler", MetapathSampler
    from benchmarks.mmsc.neighbor_loader import LoadedNeighbors, backend

    return f"PyG, NeighborLoader, {backend()}", LoadedNeighbors


def require_rivals(names: Iterable[str]) -> None:
    """Raise ``EnvironmentMissing`` where the library of any slice's rival is not there: a run of minutes shall not end at its last slice."""
    for name in names:
        if name != CAPACITY:
            rival_of(name)


def _trainings(bench: Bench, name: str, tell: Tell) -> list[Figure]:
    rival, build = rival_of(name)
    lesson = build_lesson(bench.items, bench.edges, bench.steps)
    tell(f"{name}: both walk alike and come to the same loss")
    require_same_instances(lesson, Theirs(lesson, build, 0))
    workers = choose_workers(bench, build, lambda count: tell(f"{name}: PyG, tried with {count} loader processes"))
    engines: dict[str, Callable[[], Timed]] = {OURS: partial(Ours, lesson), rival: partial(Theirs, lesson, build, workers)}
    runs: dict[str, list[Run]] = defaultdict(list)
    for repeat in range(bench.repeats):
        for engine in list(engines)[:: 1 if repeat % 2 == 0 else -1]:  # none always runs on the machine as the other one left it
            tell(f"{name}: {engine}, {repeat + 1} of {bench.repeats}")
            runs[engine].append(train(engines[engine](), lesson, bench.folder))
    values = values_of(runs[OURS], runs[rival], rival)
    values[rival]["workers"] = [float(workers)] * bench.repeats
    return as_figures(name, values)


def train(task: Timed, lesson: Lesson, folder: Path) -> Run:
    """Train by the real trainer from nothing, checkpoints and journals included; the last epoch is timed."""
    shutil.rmtree(folder, ignore_errors=True)
    curve = fit(task, lesson.config(), folder, what="MMSC")
    return Run(task.num_pairs, curve[-1]["seconds"], task.sampled_s)


def choose_workers(bench: Bench, build: BuildSampler, tell: Callable[[int], None]) -> int:
    """Return the number of loader processes with which a rival is fastest over a few steps."""
    lesson = build_lesson(bench.items, bench.edges, min(bench.steps, TRIAL_STEPS))
    seconds: dict[int, float] = {}
    for count in WORKERS:
        tell(count)
        seconds[count] = train(Theirs(lesson, build, count), lesson, bench.folder).seconds
    return min(seconds, key=lambda count: seconds[count])


def values_of(ours: Sequence[Run], theirs: Sequence[Run], rival: str) -> dict[str, dict[str, list[float]]]:
    """Return one value a repeat by engine and metric; the ratio is paired by repeat and stands at ours."""
    found = {OURS: _metrics(ours), rival: _metrics(theirs)}
    speeds = zip(found[OURS]["edges_per_s"], found[rival]["edges_per_s"], strict=True)
    found[OURS]["edges_per_s/pyg"] = [mine / other for mine, other in speeds]
    return found


def _metrics(runs: Iterable[Run]) -> dict[str, list[float]]:
    rows = [(run.edges / run.seconds, run.sampled_s / run.seconds) for run in runs]
    return {name: list(column) for name, column in zip(("edges_per_s", "sampling_share"), zip(*rows, strict=True), strict=True)}


def _capacity(bench: Bench, tell: Tell) -> list[Figure]:
    rows = []
    for repeat in range(bench.repeats):
        tell(f"{CAPACITY}: {repeat + 1} of {bench.repeats}")
        rows.append(measure_capacity())
    return as_figures(CAPACITY, {OURS: {metric: [row[metric] for row in rows] for metric in rows[0]}})


def as_figures(name: str, values: Mapping[str, Mapping[str, Sequence[float]]]) -> list[Figure]:
    """Return rows with intervals over repeats; ``n`` is the number of runs."""
    rows = [(model, metric, _estimate(metric, several)) for model, metrics in values.items() for metric, several in metrics.items()]
    return [
        Figure(task=TASK, data=DATA, slice=name, model=model, metric=metric, value=found.value, low=found.low, high=found.high, n=found.n)
        for model, metric, found in rows
    ]


def _estimate(metric: str, values: Sequence[float]) -> Estimate:
    return Estimate(float(np.mean(values)), None, None, len(values)) if metric in MEANS else geometric_mean(values)
