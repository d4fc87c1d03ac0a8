"""Experiments cell by cell: a seed and a variant each; a cell that is done is read back, so a stopped suite goes on where it was."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from goeswith import fingerprint
from goeswith.errors import ConfigError
from goeswith.profile import Profile
from goeswith.progress import progress
from goeswith.results import Figure, read_figures, write_figures
from training.evaluation.tables import OURS
from training.evaluation.variants import SOURCES, SUITES, VARIANTS, Source, Suite

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
    """One experiment: a source and the folder it reads, a seed, and 'main' or the name of a variant."""

    source: Source
    data: str
    seed: int
    variant: str = MAIN
    made_by: int | None = None
    """The seed whose main cell ingested what this one reads; its own where None. Shops differ by seed, other sources do not."""
    tasks: tuple[str, ...] = ("bundle", "relations")

    @property
    def world(self) -> str:
        """Name of what all variants of one seed share."""
        return f"{self.source.name}-{self.seed}"

    @property
    def lake_of(self) -> str:
        """The world whose main cell holds the lake."""
        return self.world if self.made_by is None else f"{self.source.name}-{self.made_by}"


RunCell = Callable[[Profile, Cell], list[Figure]]
Chosen = Sequence[tuple[Source, str]]
"""Sources, and the folder of each."""


def choose_sources(suite: str, source: str, data: Path | None, *, full: bool = False) -> list[tuple[Source, str]]:
    """Return the named source with ``data`` as its folder, or where none is named the suite's, in their folders below ``data``.

    Raises ``ConfigError`` where the suite reads more than made shops, and no folder is given or one of its sources lacks there; and where
    a folder lacks the published test file of its source, which is read only after all training.
    """
    if source:
        chosen = [(SOURCES.get(source, Source(name=source, kind=source)), str(data.resolve()) if data else "")]
    else:
        names = (*SUITES[suite].sources, *(SUITES[suite].in_full if full else ()))
        chosen = [(SOURCES[name], _folder_of(SOURCES[name], suite, data)) for name in names]
    for found, folder in chosen:
        if folder and found.published and not (Path(folder) / found.published).is_file():
            raise ConfigError(f"{found.name} is measured on {found.published}, and {folder} holds none", "give the folder as it was published")
    return chosen


def _folder_of(source: Source, suite: str, data: Path | None) -> str:
    if not source.folder:
        return ""
    if data is None or not (data / source.folder).is_dir():
        where = "no --data was given" if data is None else f"{data / source.folder} is no folder"
        raise ConfigError(f"suite {suite} reads {source.name}: {where}", f"give --data DIR with {source.folder}, or one --source")
    return str((data / source.folder).resolve())


def build_cells(chosen: Chosen, seeds: int, suite: str, *, full: bool = False) -> list[Cell]:
    """Return the cells of a suite; a main one comes before all that use what it made."""
    plan = SUITES[suite]
    variants = [*plan.variants, *(plan.full if full else ())]
    mains = [_main_cell(source, folder, seed, plan) for seed in FRESH_SEEDS[:seeds] for source, folder in chosen]
    names = {source.name for source, _ in chosen} if len(chosen) == 1 else {*plan.varied, *(plan.varied_in_full if full else ())}
    varied = [(main, name) for main in mains if main.source.name in names for name in variants]
    return [*mains, *(replace(main, variant=name) for main, name in varied if main.source.pictures or not VARIANTS[name].of_modalities)]


def _main_cell(source: Source, folder: str, seed: int, plan: Suite) -> Cell:
    shared = seed != FRESH_SEEDS[0] and source.kind != "synthetic"
    return Cell(source=source, data=folder, seed=seed, made_by=FRESH_SEEDS[0] if shared else None, tasks=plan.tasks)


def run_suite(profile: Profile, cells: Sequence[Cell], run_cell: RunCell, *, at_once: int = 1) -> list[Figure]:
    """Return the figures of all cells, running those that have none yet under this code, ``at_once`` of them side by side."""
    code = fingerprint.of_code(CODE)
    found: dict[Cell, list[Figure]] = {}
    with progress("experiments", len(cells), unit=" cells") as advance, ThreadPoolExecutor(at_once) as pool:
        try:
            for stage in _stages(cells):
                waiting = {pool.submit(_cached, profile, cell, run_cell, code): cell for cell in stage}
                for done in as_completed(waiting):
                    cell = waiting[done]
                    found[cell] = done.result()
                    advance(1, f"{cell.world} {cell.variant}")
        except BaseException:  # a cell failed, or the user stopped: no other one is begun
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [figure for cell in cells for figure in found[cell]]


def _stages(cells: Sequence[Cell]) -> list[list[Cell]]:
    """Return cells in groups whose members need nothing of each other: those that ingest, other main ones, variants."""
    mains = [cell for cell in cells if cell.variant == MAIN]
    own, shared = ([cell for cell in mains if (cell.made_by is None) == first] for first in (True, False))
    return [own, shared, [cell for cell in cells if cell.variant != MAIN]]


def _cached(profile: Profile, cell: Cell, run_cell: RunCell, code: str) -> list[Figure]:
    made_from = fingerprint.of_values(cell.source.kind, cell.data, cell.tasks, code)[:12]
    name = f"cells/{cell.world}-{cell.variant}-{made_from}"
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
    mean, certain = float(values.mean()), half > 0 or group[0].low is not None
    cases = sum(figure.n or 0 for figure in group) or None
    low, high = (mean - half, mean + half) if certain else (None, None)
    return replace(group[0], value=mean, low=low, high=high, n=cases, seed=None, seconds=None)
