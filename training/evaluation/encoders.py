"""What is known of an encoder beside how it ranks: how long it trained, on how many edges, and how coherent its space is."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from goeswith.results import Figure
from training.cirp.files import read_summary
from training.cirp.fit import SPACE, UNTRAINED
from training.evaluation.tables import ENCODER, with_interval

METRICS = ("edges", "item_updates", "train_s", "image_text_recall@1", "uniformity", "effective_rank")
"""The order of columns; ``training.cirp.space`` says what the last three mean."""


def encoder_figures(folder: Path, data: str, seed: int) -> Iterator[Figure]:
    """Yield the figures of CIRP in ``folder`` and of the same encoder untrained; nothing where it holds none."""
    trained, before = read_summary(folder), folder / UNTRAINED / SPACE
    rows = {"cirp": {**trained, **trained.get("space", {})}}
    if before.is_file():
        rows["untrained"] = json.loads(before.read_text(encoding="utf-8"))
    for model, values in rows.items():
        for metric in METRICS:
            if metric in values:
                yield Figure(task=ENCODER, data=data, slice="all", model=model, metric=metric, value=float(values[metric]), seed=seed)


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
