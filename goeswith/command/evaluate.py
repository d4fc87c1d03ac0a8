"""``goeswith evaluate``: the experiments of several seeds, as tables, a plot and JSON; a stopped suite goes on where it was."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

from goeswith.command.cells import run_cell
from goeswith.profile import load_profile
from goeswith.results import Figure, write_atomically, write_figures


def evaluate(
    suite: Annotated[
        Literal["main", "ablations", "cirp", "mmsc"],
        typer.Option(
            help="main: every model and baseline; ablations: something left out, too; "
            "cirp: bundles, and CIRP changed in many ways; mmsc: substitutes and complements, and MMSC changed."
        ),
    ] = "main",
    source: Annotated[str, typer.Option(help="One source alone; synthetic is a new shop a seed. Without it, all that the suite reads.")] = "",
    data: Annotated[Path | None, typer.Option(help="That source's folder, or the folder above the sources'; synthetic needs none.")] = None,
    seeds: Annotated[int, typer.Option(min=1, max=5, help="Seeds: of the shop, or (other sources) of training.")] = 3,
    full: Annotated[bool, typer.Option("--full", help="Run the variants that take long, too.")] = False,
    at_once: Annotated[int, typer.Option(min=1, help="Cells side by side; they share the processor's cores.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON lines.")] = False,
) -> None:
    """Run the experiments and print their tables; run again, only cells without figures are run.

    Examples: goeswith evaluate --suite ablations

              goeswith evaluate --suite cirp --data DIR --at-once 2

              goeswith evaluate --source hm --data DIR/hm --seeds 1
    """
    from training.evaluation.experiments import build_cells, choose_sources, pool_seeds, run_suite
    from training.evaluation.pages import figures_markdown, plot_figures

    profile = load_profile()
    cells = build_cells(choose_sources(suite, source, data, full=full), seeds, suite, full=full)
    threads = max(1, (os.cpu_count() or 1) // at_once)
    figures = run_suite(profile, cells, partial(run_cell, threads=threads), at_once=at_once)
    pooled = pool_seeds(figures)
    name = f"evaluate-{source}-{suite}" if source else f"evaluate-{suite}"
    write_figures(profile, name, [*figures, *pooled])
    write_atomically(profile.results / f"{name}.md", figures_markdown(pooled))
    plot_figures(pooled, profile.results / f"{name}.png")
    if as_json:
        typer.echo("\n".join(json.dumps(asdict(figure)) for figure in pooled))
    else:
        _show(pooled, profile.results / f"{name}.md")


def _show(figures: Sequence[Figure], page: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    from training.evaluation.pages import by_table, main_rows
    from training.evaluation.tables import main_metric, with_interval

    console = Console()
    for (data, task, part), rows in by_table(main_rows(figures)).items():
        table = Table("model", f"{main_metric(rows[0])} [95%]", "n", title=f"{data}: {task}, {part}")
        for figure in rows:
            table.add_row(figure.model, with_interval(figure), "" if figure.n is None else str(figure.n))
        console.print(table)
    console.print(f"as Markdown: {page}; as a plot: {page.with_suffix('.png')}")
