"""Tables of what is known of a model beside how it ranks: a model, a change to it or a part of the items a line, its traits across."""

from collections.abc import Sequence

from goeswith.results import Figure
from training.evaluation.tables import CALIBRATION, ENCODER, GATES, with_interval

TRAITS = {
    ENCODER: ("edges", "item_updates", "train_s", "image_text_recall@1", "uniformity", "effective_rank"),
    GATES: ("attention_text", "attention_image", "content_share_substitute", "content_share_complement"),
    CALIBRATION: ("ece", "sure_true", "sure_random"),
}
"""The order of columns by task: ``training.cirp.space`` says what an encoder's last three mean, ``training.mmsc.vectors.look`` what gates are."""
WHOLE = ("edges", "item_updates", "train_s")


def traits_markdown(data: str, task: str, figures: Sequence[Figure]) -> str:
    """Return the table of one data set and task."""
    metrics, cells = TRAITS[task], {(name_of(figure), figure.metric): figure for figure in figures}
    lines = [f"| {name} | {' | '.join(_cell(cells.get((name, metric))) for metric in metrics)} |\n" for name in dict.fromkeys(n for n, _ in cells)]
    return f"### {data}: the {task}\n\n| | {' | '.join(metrics)} |\n|{' --- |' * (len(metrics) + 1)}\n{''.join(lines)}"


def name_of(figure: Figure) -> str:
    """Return the model, or what was changed or which items are spoken of."""
    return figure.model if figure.slice == "all" else figure.slice


def _cell(figure: Figure | None) -> str:
    if figure is None:
        return ""
    return f"{figure.value:,.0f}" if figure.metric in WHOLE else with_interval(figure)
