"""The slices of ``goeswith bench cirp``: both engines on the same batches by turns, and what follows from their speeds for a whole training."""

import os
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from benchmarks.cirp.agreement import require_same_loss
from benchmarks.cirp.flops import peak_flops, speed_of
from benchmarks.cirp.lesson import Lesson, Precision, build_lesson, timed_batches
from benchmarks.cirp.ours import build_model, build_task, train_ours
from benchmarks.cirp.rival import WARM_STEPS, train_rival
from benchmarks.cirp.runs import EPOCHS, Run
from benchmarks.cirp.shop import Shop
from benchmarks.estimates import Estimate, geometric_mean
from goeswith.results import Figure
from training.cirp.task import CirpTask
from training.dataset import Ints

TASK = "cirp"
OURS, RIVAL = ENGINES = ("goeswith", "transformers")
SHOP = "shop"
"""The model under which what is trained on is described."""
WORKERS = (0, 1, 2, 4, 8, 16)
"""Loader processes among which the rival has its best, up to the machine's cores."""
AGREED = 32
"""Items of the batch of which both engines' losses are compared."""
TRIAL_STEPS = 6
MEANS = ("waited_share", "workers")
"""Metrics that may be 0, shown as plain means without an interval."""
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What is trained on and how; ``repeats`` trainings of each engine."""

    shop: Shop
    repeats: int
    precision: Precision
    device: torch.device


def bench_slice(bench: Bench, name: str, tell: Tell) -> list[Figure]:
    """Return the figures of one slice. Raises ``DataContractError`` where the engines' losses differ."""
    lesson = build_lesson(name, bench.shop, bench.precision, bench.device)
    tell(f"{name}: both engines come to the same loss")
    task = build_task(lesson, build_model(lesson))
    batches = list(timed_batches(task))
    require_same_loss(lesson, task, batches[0][:AGREED])
    workers = choose_workers(lesson, batches, lambda count: tell(f"{name}: transformers, tried with {count} loader processes"))
    runs: dict[str, list[Run]] = defaultdict(list)
    for repeat in range(bench.repeats):
        for engine in ENGINES if repeat % 2 == 0 else ENGINES[::-1]:  # none always runs on the machine as the other one left it
            tell(f"{name}: {engine}, {repeat + 1} of {bench.repeats}")
            runs[engine].append(train_ours(lesson) if engine == OURS else _train_rival(lesson, batches, workers))
    values = values_of(lesson, runs, _peak(lesson))
    values[RIVAL]["workers"] = [float(workers)] * bench.repeats
    values[SHOP] = described(lesson, task, batches)
    return as_figures(bench.shop.name, name, values)


def choose_workers(lesson: Lesson, batches: Sequence[Ints], tell: Callable[[int], None]) -> int:
    """Return the number of loader processes with which the rival is fastest over a few steps."""
    speeds: dict[int, float] = {}
    for count in (count for count in WORKERS if count <= (os.cpu_count() or 1)):
        tell(count)
        speeds[count] = _train_rival(lesson, batches[:TRIAL_STEPS], count).items_per_s
    return max(speeds, key=lambda count: speeds[count])


def _train_rival(lesson: Lesson, batches: Sequence[Ints], workers: int) -> Run:
    warm = [batches[at % len(batches)] for at in range(-WARM_STEPS, 0)]
    return train_rival(lesson, build_model(lesson), [*warm, *batches], workers)


def _peak(lesson: Lesson) -> float | None:
    return peak_flops(torch.cuda.get_device_name(lesson.device), lesson.recipe.precision) if lesson.device.type == "cuda" else None


def values_of(lesson: Lesson, runs: Mapping[str, Sequence[Run]], peak: float | None) -> dict[str, dict[str, list[float]]]:
    """Return one value a repeat by engine and metric; what compares is paired by repeat and stands at ours."""
    budget = lesson.budget_epochs * runs[OURS][0].items / EPOCHS
    measured = {engine: _by_metric([engine_values(run, budget, peak) for run in found]) for engine, found in runs.items()}
    pairs = zip(runs[OURS], runs[RIVAL], strict=True)
    compared = _by_metric([compared_values(ours, theirs, budget, lesson.graph.num_items) for ours, theirs in pairs])
    return {**measured, OURS: {**measured[OURS], **compared}}


def engine_values(run: Run, budget: float, peak: float | None) -> dict[str, float]:
    """Return an engine's metrics of one run; ``budget_seconds`` carry its speed over to the recipe's whole ``budget`` [items], filling included."""
    filled = {"fill_seconds": run.fill_s} if run.fill_s else {}
    speed = {"items_per_s": run.items_per_s, "waited_share": run.waited_s / run.seconds}
    return {**speed, **speed_of(run.flops_per_item, run.items_per_s, peak), **filled, "budget_seconds": total_seconds(run, budget)}


def compared_values(ours: Run, theirs: Run, budget: float, num_items: int) -> dict[str, float]:
    """Return ratios, and the items of training after which ours is ahead although it filled its caches first; none where it never is."""
    gained_s = 1 / theirs.items_per_s - 1 / ours.items_per_s
    even = {} if gained_s <= 0 else {"even_items": ours.fill_s / gained_s, "even_epochs": ours.fill_s / gained_s / num_items}
    whole = total_seconds(ours, budget) / total_seconds(theirs, budget)
    return {"items_per_s/transformers": ours.items_per_s / theirs.items_per_s, "budget_seconds/transformers": whole, **even}


def total_seconds(run: Run, items: float) -> float:
    """Return how long training on so many items takes at a run's speed, what comes before it included."""
    return run.fill_s + items / run.items_per_s


def _by_metric(rows: Sequence[Mapping[str, float]]) -> dict[str, list[float]]:
    """Return each metric's values; one that a repeat lacks is left out."""
    return {metric: [row[metric] for row in rows] for metric in rows[0] if all(metric in row for row in rows)}


def described(lesson: Lesson, task: CirpTask, batches: Sequence[Ints]) -> dict[str, list[float]]:
    """Return what is trained on: items, edges, items with a picture, items a batch, and the budget in epochs."""
    known: dict[str, float] = {"items": lesson.graph.num_items, "edges": len(lesson.graph.edges), "with_image": task.inputs.modalities["image"]}
    known |= {"items_per_batch": float(np.mean([len(batch) for batch in batches])), "budget_epochs": lesson.budget_epochs}
    return {name: [float(value)] for name, value in known.items()}


def as_figures(data: str, name: str, values: Mapping[str, Mapping[str, Sequence[float]]]) -> list[Figure]:
    """Return rows with intervals over repeats; ``n`` is the number of runs."""
    rows = [(model, metric, several) for model, metrics in values.items() for metric, several in metrics.items()]
    return [_as_figure((data, name, model, metric), _estimate(metric, several)) for model, metric, several in rows]


def _as_figure(names: tuple[str, str, str, str], found: Estimate) -> Figure:
    data, name, model, metric = names
    return Figure(task=TASK, data=data, slice=name, model=model, metric=metric, value=found.value, low=found.low, high=found.high, n=found.n)


def _estimate(metric: str, values: Sequence[float]) -> Estimate:
    return Estimate(float(np.mean(values)), None, None, len(values)) if metric in MEANS else geometric_mean(values)
