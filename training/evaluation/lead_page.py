"""By how much what is served leads each other row, paired case by case: rows whose own intervals overlap may still be certain of this."""

from collections.abc import Iterable, Sequence

from goeswith.results import Figure
from training.evaluation.tables import MAIN_METRICS, cell

SERVED = {"bundle": "cirp+trees", "substitutes": "mmsc", "complements": "mmsc"}
"""What answers each task."""
SLICES = ("planted", "all", "warm", "held_baskets", "no_variants", "cold")
"""The slices whose leads are shown, in this order."""


def lead_rows(figures: Iterable[Figure]) -> list[Figure]:
    """Return the leads of what is served, in its task's main metric, on ``SLICES``."""
    return [figure for figure in figures if _other(figure) and figure.model == SERVED[figure.task] and figure.slice in SLICES]


def _other(figure: Figure) -> str:
    """Return the model that a figure is the lead over, '' where it is none in its task's main metric."""
    before, _, other = figure.metric.partition(" over ")
    return other if before == MAIN_METRICS.get(figure.task) else ""


def lead_markdown(data: str, task: str, figures: Sequence[Figure]) -> str:
    """Return the table of one task: the other models down, the narrowest lead on the first slice at the top; '' where no lead is known."""
    cells = {(_other(figure), figure.slice): figure for figure in lead_rows(figures)}
    slices = [name for name in SLICES if any(part == name for _, part in cells)]
    if not slices:
        return ""
    first = {other: figure.value for (other, part), figure in cells.items() if part == slices[0]}
    # By name where two are level: a set has no order of its own.
    others = sorted({other for other, _ in cells}, key=lambda other: (first.get(other, 0.0), other))
    rows = "".join(f"| {other} | {' | '.join(cell(cells.get((other, part))) for part in slices)} |\n" for other in others)
    return f"\n### {data}: {task}, lead of {SERVED[task]} over\n\n| model | {' | '.join(slices)} |\n|{' --- |' * (len(slices) + 1)}\n{rows}"
