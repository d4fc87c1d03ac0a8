"""From ranks to figures: each slice, model and metric with its interval, and our models' paired lead over each baseline."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from goeswith.results import Figure
from training.dataset import Bools, Ints
from training.evaluation.intervals import Estimate, Resampling
from training.evaluation.metrics import Metric, Values

PUBLISHED = "published"
"""The task of telling a published split's true pairs from its false ones."""

MAIN_METRICS = {"bundle": "recall@20", "substitutes": "ndcg@10", "complements": "ndcg@10", PUBLISHED: "roc_auc"}
"""The metric by which each task is decided."""

ENCODER, GATES, CALIBRATION = "encoder", "gates", "calibration"
"""The tasks of figures that rank nothing: an encoder's training and space, what MMSC's gates let through, whether its scores are probabilities."""

OURS = ("cirp", "cirp+tfidf", "cirp+set", "cirp+trees", "mmsc")


@dataclass(frozen=True, slots=True)
class Measured:
    """What one model reached on M cases: their ranks (or, for ``direction``, values) and the seconds that scoring took."""

    ranks: Values
    seconds: float


@dataclass(frozen=True, slots=True)
class Slice:
    """One slice of one task: which cases count (M,), and the unit (M,) that each belongs to."""

    task: str
    data: str
    name: str
    mask: Bools
    units: Ints


def slice_figures(
    part: Slice, measured: Mapping[str, Measured], metrics: Mapping[str, Metric], lead: str, *, draws: int, seed: int
) -> Iterator[Figure]:
    """Yield each model's metrics on a slice, then the lead of ours over the rest in the metric ``lead``, paired by case.

    A lead is its own metric ('ndcg@10 over tfidf'); it is certain where its interval does not hold 0.
    """
    resampling = Resampling.of(part.units[part.mask], draws=draws, seed=seed)
    for model, found in measured.items():
        for name, metric in metrics.items():
            yield _figure(part, model, name, resampling.estimate(metric(found.ranks[part.mask])), seed, found.seconds)
    for model in measured:
        if model in OURS:
            for other in measured:
                if other != model:
                    ours, theirs = (metrics[lead](measured[name].ranks[part.mask]) for name in (model, other))
                    yield _figure(part, model, f"{lead} over {other}", resampling.estimate(ours - theirs), seed, None)


def _figure(part: Slice, model: str, metric: str, found: Estimate, seed: int, seconds: float | None) -> Figure:
    return Figure(
        task=part.task,
        data=part.data,
        slice=part.name,
        model=model,
        metric=metric,
        value=found.value,
        low=found.low,
        high=found.high,
        n=found.n,
        seed=seed,
        seconds=None if seconds is None else round(seconds, 3),
    )


def main_metric(figure: Figure) -> str:
    """Return the metric by which a figure's task, or the slice ``direction``, is decided."""
    return "accuracy" if figure.slice == "direction" else MAIN_METRICS[figure.task]


def with_interval(figure: Figure) -> str:
    """Return '.394 [.376, .410]'."""
    interval = "" if figure.low is None or figure.high is None else f" [{_short(figure.low)}, {_short(figure.high)}]"
    return _short(figure.value) + interval


def cell(figure: Figure | None) -> str:
    """Return a figure as a table's cell, '' where there is none."""
    return "" if figure is None else with_interval(figure)


def _short(value: float) -> str:
    written = f"{value:.3f}"
    return written.replace("0.", ".", 1) if abs(value) < 1 else written


def every_case(count: int) -> Bools:
    """Return a mask (M,) that leaves nothing out."""
    return np.ones(count, dtype=bool)
