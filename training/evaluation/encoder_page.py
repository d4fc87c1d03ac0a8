"""The table of encoders: how long each trained, on how many edges, and how coherent its space is."""

from collections.abc import Sequence

from goeswith.results import Figure
from training.evaluation.tables import with_interval

METRICS = ("edges", "item_updates", "train_s", "image_text_recall@1", "uniformity", "effective_rank")
"""The order of columns; ``training.cirp.space`` says what the last three mean."""


def encoder_markdown(data: str, figures: Sequence[Figure]) -> str:
    """Return the table of one data set: an encoder or a change to it a line, ``METRICS`` across."""
    cells = {(name_of(figure), figure.metric): figure for figure in figures}
    lines = [f"| {name} | {' | '.join(_cell(cells.get((name, metric))) for metric in METRICS)} |\n" for name in dict.fromkeys(n for n, _ in cells)]
    return f"### {data}: the encoder\n\n| | {' | '.join(METRICS)} |\n|{' --- |' * (len(METRICS) + 1)}\n{''.join(lines)}"


def name_of(figure: Figure) -> str:
    """Return 'cirp', 'untrained' or what was changed."""
    return figure.model if figure.slice == "all" else figure.slice


def _cell(figure: Figure | None) -> str:
    if figure is None:
        return ""
    return f"{figure.value:,.0f}" if figure.metric in ("edges", "item_updates", "train_s") else with_interval(figure)
