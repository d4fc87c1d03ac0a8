"""What changing or leaving out something costs, as Markdown: a variant a line, our models across, beside the same models as they are."""

from collections.abc import Sequence

from goeswith.results import Figure
from training.evaluation.experiments import ALSO, BASE_SLICES, ablation_slice
from training.evaluation.tables import MAIN_METRICS, OURS, cell
from training.evaluation.variants import VARIANTS

_SLICES = {ablation_slice(variant, part) for variant in VARIANTS for part in ("", ALSO)}


def is_ablation(figure: Figure) -> bool:
    """Return whether a figure's slice names a variant."""
    return figure.slice in _SLICES


def ablation_markdown(data: str, task: str, figures: Sequence[Figure]) -> str:
    """Return the table of one task, '' where none of its figures is a variant's; ``figures`` holds the whole models' too."""
    cells = {(figure.slice, figure.model): figure for figure in figures if figure.model in OURS}
    base = next((part for part in BASE_SLICES if any(name == part for name, _ in cells)), "")
    columns = [
        (model, part) for part in (base, ALSO) for model in OURS if any((ablation_slice(variant, part), model) in cells for variant in VARIANTS)
    ]
    if not columns:
        return ""
    head = f"| changed | {' | '.join(f'{model}, {part}' for model, part in columns)} |\n|{' --- |' * (len(columns) + 1)}\n"
    lines = [("nothing", [cells.get((part, model)) for model, part in columns])]
    lines += [(variant, [cells.get((ablation_slice(variant, part), model)) for model, part in columns]) for variant in VARIANTS]
    lines = [(name, row) for name, row in lines if any(row)]
    rows = "".join(f"| {name} | {' | '.join(cell(figure) for figure in row)} |\n" for name, row in lines)
    return f"\n### {data}: {task}, {MAIN_METRICS[task]}, something changed or left out\n\n{head}{rows}"
