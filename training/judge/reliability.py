"""Is a judge as often right as it is sure: bins of its greatest chance, the expected calibration error, and a plot of both."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np

from goeswith.pair_judge.model import Chances
from training.dataset import Ints

EDGES = np.linspace(0, 1, 11)
"""Ten equal bins, as Guo et al. (ICML 2017) have them; with three labels nothing stands below 1/3."""


@dataclass(frozen=True, slots=True)
class Bin:
    """``n`` pairs whose greatest chance is in (``low``, ``high``]: how sure the judge is on average, how often it is right."""

    low: float
    high: float
    n: int
    confidence: float
    accuracy: float


def reliability(chances: Chances, labels: Ints) -> Iterator[Bin]:
    """Yield the bins that hold a pair."""
    sure, right = chances.max(axis=1), chances.argmax(axis=1) == labels
    at = np.clip(np.digitize(sure, EDGES, right=True) - 1, 0, len(EDGES) - 2)
    for i in np.unique(at):
        mine = at == i
        yield Bin(float(EDGES[i]), float(EDGES[i + 1]), int(mine.sum()), float(sure[mine].mean()), float(right[mine].mean()))


def calibration_error(chances: Chances, labels: Ints) -> float:
    """Return the expected calibration error: the bins' mean distance of confidence and accuracy, weighted by their pairs."""
    return sum(part.n * abs(part.confidence - part.accuracy) for part in reliability(chances, labels)) / len(labels)


def plot_reliability(curves: Mapping[str, tuple[Chances, Ints]], title: str, path: Path) -> Path:
    """Write a PNG: accuracy over confidence, a line a curve with its error and its bins' counts, and the diagonal where both are equal."""
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    chart, panel = plt.subplots(figsize=(5, 4.6), layout="constrained")
    panel.plot([1 / 3, 1], [1 / 3, 1], color="tab:gray", linestyle="--", label="as often right as sure")
    places = (("tab:blue", -12), ("tab:orange", 7))
    for (colour, height), (name, (chances, labels)) in zip(places, curves.items(), strict=False):
        bins = list(reliability(chances, labels))
        told = f"{name}: error {calibration_error(chances, labels):.3f}"
        panel.plot([b.confidence for b in bins], [b.accuracy for b in bins], marker="o", color=colour, label=told)
        for b in bins:
            panel.annotate(str(b.n), (b.confidence, b.accuracy), textcoords="offset points", xytext=(3, height), fontsize=7, color=colour)
    panel.set(xlim=(0.3, 1.02), ylim=(0, 1.04), xlabel="confidence", ylabel="agreement with the teacher", title=title)
    panel.legend(fontsize=8, loc="lower right")
    panel.grid(alpha=0.3)
    path.parent.mkdir(parents=True, exist_ok=True)
    chart.savefig(path, dpi=110)
    plt.close(chart)
    return path
