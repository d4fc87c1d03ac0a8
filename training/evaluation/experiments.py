"""Experiments cell by cell: a seed and a variant each; a cell that is done is read back, so a stopped suite goes on where it was."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from goeswith import fingerprint
from goeswith.profile import Profile
from goeswith.progress import progress
from goeswith.results import Figure, read_figures, write_figures
from training.evaluation.tables import OURS
from training.evaluation.variants import SUITES

FRESH_SEEDS = (4105, 4106, 4107, 4108, 4109)
"""Seeds of shops that nothing was developed on (4101 to 4104 were looked at while MMSC's readings and its blend were)."""

MAIN = "main"
CODE = ("goeswith", "spark_jobs", "feature_repo", "training")
BASE_SLICES = ("planted", "all", "warm", "held_baskets")
"""On which slice of a task an ablation is measured: the first that the source has."""
ALSO = "planted_all"
"""Measured as well where there is one: 'planted' leaves out the pairs that were met, the very ones that behaviour is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One experiment: a source, a seed, and 'main' or the name of a variant."""

    source: str
    data: str
    seed: int
    variant: str = MAIN

    @property
    def world(self) -> str:
        """Name of what all variants of one seed share."""
        return f"{self.source}-{self.seed}"


RunCell = Callable[[Profile, Cell], list[Figure]]


def build_cells(source: str, data: str, seeds: int, suite: str) -> list[Cell]:
    """Return the cells of a suite; the main one of a seed comes before its variants, which use what it made."""
    variants = [MAIN, *SUITES[suite]]
    return [Cell(source=source, data=data, seed=seed, variant=variant) for seed in FRESH_SEEDS[:seeds] for variant in variants]


def run_suite(profile: Profile, cells: Sequence[Cell], run_cell: RunCell) -> list[Figure]:
    """Return the figures of all cells, running those that have none yet under this code."""
    code = fingerprint.of_code(CODE)
    figures: list[Figure] = []
    with progress("experiments", len(cells), unit=" cells") as advance:
        for cell in cells:
            figures += _cached(profile, cell, run_cell, code)
            advance(1, f"{cell.world} {cell.variant}")
    return figures


def _cached(profile: Profile, cell: Cell, run_cell: RunCell, code: str) -> list[Figure]:
    name = f"cells/{cell.world}-{cell.variant}-{fingerprint.of_values(cell.source, cell.data, code)[:12]}"
    found = read_figures(profile, name)
    if found:
        return found
    figures = [replace(figure, seed=cell.seed) for figure in run_cell(profile, cell)]
    kept = figures if cell.variant == MAIN else as_ablation(figures, cell.variant)
    write_figures(profile, name, kept)
    return kept


def as_ablation(figures: Iterable[Figure], variant: str) -> list[Figure]:
    """Return our models' figures on each task's base slice, under the variant's name as their slice, and on ``ALSO``."""
    rows = [figure for figure in figures if figure.model in OURS and " over " not in figure.metric]
    present = {(figure.task, figure.slice) for figure in rows}
    base = {task: next((s for s in BASE_SLICES if (task, s) in present), None) for task, _ in present}
    return [replace(figure, slice=ablation_slice(variant, figure.slice)) for figure in rows if figure.slice in (base[figure.task], ALSO)]


def ablation_slice(variant: str, part: str) -> str:
    """Return the slice under which a variant's figure on the slice ``part`` is kept."""
    return f"{variant} ({ALSO})" if part == ALSO else variant


def pool_seeds(figures: Iterable[Figure]) -> list[Figure]:
    """Return each figure's mean over its seeds, with the 95% interval of that mean.

    Its variance is the larger of the seeds' own sampling variance and the variance between seeds, over their number.
    """
    groups: dict[tuple[str, ...], list[Figure]] = defaultdict(list)
    for figure in figures:
        groups[figure.task, figure.data, figure.slice, figure.model, figure.metric].append(figure)
    return [_pooled(group) for group in groups.values()]


def _pooled(group: Sequence[Figure]) -> Figure:
    values = np.array([figure.value for figure in group])
    widths = np.array([(figure.high or figure.value) - (figure.low or figure.value) for figure in group])
    within = float(np.mean((widths / 3.92) ** 2))
    between = float(values.var(ddof=1)) if len(group) > 1 else 0.0
    half = 1.96 * np.sqrt(max(within, between) / len(group))
    mean = float(values.mean())
    cases = sum(figure.n or 0 for figure in group)
    return replace(group[0], value=mean, low=mean - half, high=mean + half, n=cases, seed=None, seconds=None)
