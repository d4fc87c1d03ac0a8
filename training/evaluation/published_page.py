"""The table of a published split: models down, the three measures across, with what others state of the same split."""

from collections.abc import Sequence

from goeswith.results import Figure
from training.evaluation.tables import OURS, PUBLISHED, cell

MEASURES = ("roc_auc", "pr_auc", "f1")
BOTH, NEW = "both", "new"
"""Slices beside those of the types: the mean over both, and that mean without the true pairs that training joins."""

CITED = {
    "gatne": {
        "GATNE-T, its paper": (0.9744, 0.9705, 0.9287),
        "GATNE-T, HGB": (0.9700, 0.9655, 0.9179),
        "GATNE-T, DGL": (0.9688, 0.9631, 0.9212),
        "GCN, HGB": (0.9896, 0.9870, 0.9560),
        "GAT, HGB": (0.9885, 0.9844, 0.9562),
    }
}
"""Data -> model -> ``MEASURES`` as others print them. 'HGB': table of LP/GATNE/README.md in THUDM/HGB at 05904ce, which also quotes the paper;
'DGL': examples/pytorch/GATNE-T/README.md in dmlc/dgl. Their graph networks read no item features, as here."""


def cited_figures(data: str) -> list[Figure]:
    """Return what others state of this data's split, without an interval."""
    return [
        Figure(task=PUBLISHED, data=data, slice=BOTH, model=model, metric=measure, value=value)
        for model, values in CITED.get(data, {}).items()
        for measure, value in zip(MEASURES, values, strict=True)
    ]


def published_markdown(data: str, figures: Sequence[Figure]) -> str:
    """Return the table of one data set, the best ROC-AUC over both types first; what each type has alone is not shown."""
    cells = {(figure.model, figure.slice, figure.metric): figure for figure in figures}
    columns = [(part, measure) for part in (BOTH, NEW) for measure in MEASURES]
    head = " | ".join(f"{part}, {measure} (n {_count(part, figures)})" for part, measure in columns)
    order = sorted({f.model for f in figures}, key=lambda model: (-_value(cells.get((model, BOTH, MEASURES[0]))), model))
    rows = [f"| {f'**{m}**' if m in OURS else m} | {' | '.join(cell(cells.get((m, *column))) for column in columns)} |\n" for m in order]
    return f"### {data}: the published split\n\n| model | {head} |\n|{' --- |' * (len(columns) + 1)}\n{''.join(rows)}"


def _count(part: str, figures: Sequence[Figure]) -> int:
    return max((figure.n or 0 for figure in figures if figure.slice == part), default=0)


def _value(figure: Figure | None) -> float:
    return -1.0 if figure is None else figure.value
