"""``goeswith figures``: the pages that show measured values, rendered from the rows in ``docs/figures/``."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from goeswith.command.figure_pages import FIGURES, PAGES, read_kept, render_page
from goeswith.errors import ConfigError, VersionMissing
from goeswith.results import Figure, load_figures, write_atomically


def figures(
    page: Annotated[str, typer.Argument(help=f"Which page: {', '.join(PAGES)}.")] = "figures",
    keep: Annotated[list[Path] | None, typer.Option(help="A results file (JSON lines) whose rows the pages shall show from now on.")] = None,
) -> None:
    """Print a page of figures as Markdown; make docs writes them all.

    Examples: goeswith figures > docs/figures.md

              goeswith figures --keep .goeswith/results/bench-graph.jsonl > docs/figures.md
    """
    if page not in PAGES:
        raise ConfigError(f"there is no page {page!r}", f"pages: {', '.join(PAGES)}")
    for path in keep or []:
        keep_figures(path)
    typer.echo(render_page(page, read_kept()), nl=False)


def keep_figures(path: Path, folder: Path = FIGURES) -> None:
    """Take the rows that the pages show out of a results file: they replace all that the same command had measured.

    Raises ``VersionMissing`` where the file holds none.
    """
    taken = kept_rows(load_figures(path))
    if not taken:
        raise VersionMissing(f"{path} holds no figure that a page shows", "name a file that evaluate, demo or bench wrote below .goeswith/results")
    replaced = {_part(figure) for figure in taken}
    for data in sorted({figure.data for figure in taken}):
        target = folder / f"{data}.jsonl"
        left = [figure for figure in load_figures(target) if _part(figure) not in replaced]
        write_atomically(target, to_lines([*(figure for figure in taken if figure.data == data), *left]))


def kept_rows(figures: Sequence[Figure]) -> list[Figure]:
    """Return what pages show: of evaluations the main metric and its leads, over all seeds where they were pooled; of the rest everything."""
    from training.evaluation.pages import shown_rows

    evaluated = shown_rows(figures)
    pooled = [figure for figure in evaluated if figure.seed is None]
    return (pooled or evaluated) + [figure for figure in figures if not is_evaluated(figure)]


def is_evaluated(figure: Figure) -> bool:
    """Return whether an evaluation measured it, not a bench."""
    from training.evaluation.tables import MAIN_METRICS
    from training.evaluation.traits_page import TRAITS

    return figure.task in (*MAIN_METRICS, *TRAITS)


def to_lines(figures: Iterable[Figure]) -> str:
    """Return figures as JSON lines without what is null. Values stay whole: rounded twice, a page's third decimal may change."""
    return "".join(json.dumps({key: value for key, value in asdict(figure).items() if value is not None}) + "\n" for figure in figures)


def _part(figure: Figure) -> tuple[str, ...]:
    """Return what one command measures in one go: replaced whole, or rows of an older run would stand among the new ones.

    An evaluation measures all slices of a data set; a bench the slices that it is asked for.
    """
    return (figure.data, figure.task) if is_evaluated(figure) else (figure.data, figure.task, figure.slice)
