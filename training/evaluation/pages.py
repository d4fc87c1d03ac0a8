"""Figures as Markdown and as a plot: made from the rows, never typed."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np

from goeswith.results import Figure
from training.evaluation.ablation_page import ablation_markdown, is_ablation
from training.evaluation.lead_page import lead_markdown, lead_rows
from training.evaluation.published_page import published_markdown
from training.evaluation.tables import MAIN_METRICS, OURS, PUBLISHED, cell, main_metric
from training.evaluation.traits_page import TRAITS, traits_markdown


def main_rows(figures: Iterable[Figure]) -> list[Figure]:
    """Return the rows of evaluation in their main metric; ablations and slices keep their own, traits and published splits all they have."""
    return [figure for figure in figures if figure.task in (*TRAITS, PUBLISHED) or is_main(figure)]


def is_main(figure: Figure) -> bool:
    """Return whether a figure is of the metric that decides its task."""
    return figure.task in MAIN_METRICS and figure.metric == main_metric(figure)


def shown_rows(figures: Sequence[Figure]) -> list[Figure]:
    """Return the rows that pages show: the main ones, and the leads of what is served."""
    return main_rows(figures) + lead_rows(figures)


def by_table(figures: Iterable[Figure]) -> dict[tuple[str, str, str], list[Figure]]:
    """Return the rows in their main metric by (data, task, slice), the best model first."""
    tables: dict[tuple[str, str, str], list[Figure]] = {}
    for figure in sorted(filter(is_main, figures), key=lambda f: -f.value):
        tables.setdefault((figure.data, figure.task, figure.slice), []).append(figure)
    return dict(sorted(tables.items()))


def figures_markdown(figures: Iterable[Figure]) -> str:
    """Return a table a data set and task (models by slices, with 95% intervals, ours in bold), its leads, and one of what was left out."""
    tasks: dict[tuple[str, str], list[Figure]] = {}
    for figure in shown_rows(list(figures)):
        tasks.setdefault((figure.data, figure.task), []).append(figure)
    return "\n".join(_tables(*key, rows) for key, rows in sorted(tasks.items()))


def _tables(data: str, task: str, rows: Sequence[Figure]) -> str:
    if task in TRAITS:
        return traits_markdown(data, task, rows)
    if task == PUBLISHED:
        return published_markdown(data, rows)
    main = main_rows(rows)
    return _block(data, task, main) + lead_markdown(data, task, rows) + ablation_markdown(data, task, main)


def _block(data: str, task: str, figures: Sequence[Figure]) -> str:
    models: dict[str, dict[str, Figure]] = {}
    for figure in (figure for figure in figures if not is_ablation(figure)):
        models.setdefault(figure.model, {})[figure.slice] = figure
    slices = list(dict.fromkeys(name for row in models.values() for name in row))
    counts = [max((row[name].n or 0 for row in models.values() if name in row), default=0) for name in slices]
    first = slices[0]
    order = sorted(models, key=lambda model: -(models[model][first].value if first in models[model] else -1.0))
    head = f"| model | {' | '.join(f'{name} (n {n})' for name, n in zip(slices, counts, strict=True))} |\n|{' --- |' * (len(slices) + 1)}\n"
    rows = "".join(_row(model, [models[model].get(name) for name in slices]) for model in order)
    return f"### {data}: {task}, {MAIN_METRICS[task]}\n\n{head}{rows}"


def _row(model: str, cells: Sequence[Figure | None]) -> str:
    name = f"**{model}**" if model in OURS else model
    return f"| {name} | {' | '.join(cell(figure) for figure in cells)} |\n"


def plot_figures(figures: Iterable[Figure], path: Path) -> Path:
    """Write a PNG: one panel a (task, slice), models as points with their interval, ours in colour; what was left out is no panel."""
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    tables = by_table(figure for figure in main_rows(figures) if not is_ablation(figure))
    columns = min(3, max(1, len(tables)))
    lines = -(-len(tables) // columns) or 1
    chart, panels = plt.subplots(lines, columns, figsize=(5 * columns, 3.2 * lines), squeeze=False, layout="constrained")
    for panel in panels.flat[len(tables) :]:
        panel.set_visible(False)
    for panel, ((data, task, part), rows) in zip(panels.flat, tables.items(), strict=False):
        _draw(panel, rows[::-1])
        panel.set_title(f"{data}: {task}, {part} ({main_metric(rows[0])})", fontsize=9)
    path.parent.mkdir(parents=True, exist_ok=True)
    chart.savefig(path, dpi=110)
    plt.close(chart)
    return path


def _draw(panel: "mpl.axes.Axes", rows: Sequence[Figure]) -> None:
    values = np.array([figure.value for figure in rows])
    low = np.array([figure.value if figure.low is None else figure.low for figure in rows])
    high = np.array([figure.value if figure.high is None else figure.high for figure in rows])
    colours = ["tab:orange" if figure.model in OURS else "tab:gray" for figure in rows]
    places = np.arange(len(rows))
    panel.hlines(places, low, high, colors=colours)
    panel.scatter(values, places, c=colours, zorder=3)
    panel.set_yticks(places, [figure.model for figure in rows], fontsize=8)
    panel.set_xlim(left=0)
    panel.grid(axis="x", alpha=0.3)
