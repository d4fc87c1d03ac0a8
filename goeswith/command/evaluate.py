"""``goeswith evaluate``: the experiments of several seeds, as tables, a plot and JSON; a stopped suite goes on where it was."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from goeswith.errors import GoeswithError
from goeswith.profile import Profile, load_profile
from goeswith.results import Figure, read_figures, write_atomically, write_figures, write_json

if TYPE_CHECKING:
    from training.evaluation.experiments import Cell
    from training.evaluation.variants import Variant

RUN = "evaluate"
SHARED = ("pictures", "truth", "cache", "results/ceilings.jsonl")
"""What a cell reads of the main cell that made its data, beside the lake."""


def evaluate(
    suite: Annotated[
        Literal["main", "ablations", "cirp"],
        typer.Option(help="main: every model and baseline; ablations: something left out, too; cirp: bundles, and CIRP changed in many ways."),
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
    cells = build_cells(choose_sources(suite, source, data), seeds, suite, full=full)
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
            table.add_row(figure.model, with_interval(figure), str(figure.n))
        console.print(table)
    console.print(f"as Markdown: {page}; as a plot: {page.with_suffix('.png')}")


def run_cell(profile: Profile, cell: "Cell", threads: int) -> list[Figure]:
    """Run one cell, each step a process of its own with so many ``threads``, and return its figures."""
    from training.evaluation.experiments import MAIN
    from training.evaluation.variants import VARIANTS

    cells = profile.root / "cells"
    home, main, lake = cells / cell.world / cell.variant, cells / cell.world / MAIN, cells / cell.lake_of / MAIN
    limits = {"OMP_NUM_THREADS": str(threads)}
    if cell.variant != MAIN:
        _run_variant(home, main, lake, VARIANTS[cell.variant], cell, limits)
    elif home == lake:
        _run_main(home, cell, limits)
    else:
        _run_seed(home, lake, cell, limits)
    return read_figures(Profile.model_construct(home=home), "metrics")


def _run_main(home: Path, cell: "Cell", limits: Mapping[str, str]) -> None:
    """Take the source through ingest and graph, and train and measure on the evaluation graph."""
    options = {"seed": cell.seed} if cell.source.kind == "synthetic" else {}
    ingest = {"source": cell.source.kind, "data": cell.data, "options": options}
    environment = {**limits, "GOESWITH_HOME": str(home)}
    for dag in ("ingest", "graph"):
        _goeswith(environment, "run", dag, "--run", RUN, "--params", json.dumps({"ingest": ingest}))
    versions: dict[str, int] = {}
    for job in ("apply_features", "build_training_set"):
        versions = _job(environment, job, versions, {})
    write_json(home / "versions.json", versions)
    _train_and_measure(environment, versions, cell)


def _run_seed(home: Path, made: Path, cell: "Cell", limits: Mapping[str, str]) -> None:
    """Train and measure with another seed on what the main cell of the first has made; its versions lie beside, for this seed's variants."""
    environment = {**limits, **_share(home, made, made)}
    versions = json.loads((made / "versions.json").read_text(encoding="utf-8"))
    write_json(home / "versions.json", versions)
    _train_and_measure(environment, versions, cell)


def _share(home: Path, main: Path, made: Path) -> dict[str, str]:
    """Let a home of its own read what stands in others: a lake, pictures and caches of their rows, planted truth."""
    for name in SHARED:
        _link(home / name, main / name)
    return {"GOESWITH_HOME": str(home), "GOESWITH_LAKE": str(made / "lake")}


def _run_variant(home: Path, main: Path, made: Path, variant: "Variant", cell: "Cell", limits: Mapping[str, str]) -> None:
    """Train the changed recipes on the main cell's lake, in a home of their own, and measure our models alone."""
    environment = {**limits, **_share(home, main, made)}
    versions = json.loads((main / "versions.json").read_text(encoding="utf-8"))
    if variant.pruning is not None:
        environment["GOESWITH_LAKE"] = str(home / "lake")
        versions = _prune_again(environment, home / "lake", made / "lake", versions, variant.pruning)
    if variant.leaky:
        _train_leaky(environment, home, versions, cell, variant)
        return
    _train_and_measure(environment, versions, cell, variant)


def _prune_again(environment: Mapping[str, str], lake: Path, main: Path, versions: dict[str, int], pruning: Mapping[str, Any]) -> dict[str, int]:
    """Prune, judge and build the graph anew in a lake that begins as the main cell's (its files are linked, not copied)."""
    shutil.rmtree(lake, ignore_errors=True)
    shutil.copytree(main, lake, copy_function=os.link)
    for job in ("prune_pairs", "judge_edges", "build_relations", "apply_features", "build_training_set"):
        versions = {**versions, **_job(environment, job, versions, pruning if job == "prune_pairs" else {})}
    return versions


def _train_leaky(environment: Mapping[str, str], home: Path, versions: dict[str, int], cell: "Cell", variant: "Variant") -> None:
    """Train on the published graph, test sessions included, and measure as if that were fair."""
    _job(environment, "train_cirp", versions, {"graph": "full", "overrides": {"seed": cell.seed, **variant.cirp}})
    models = home / "models" / RUN
    _link(models / "evaluation", models / "full")
    _measure(environment, versions, cell, baselines=False)


def _link(here: Path, there: Path) -> None:
    here.parent.mkdir(parents=True, exist_ok=True)
    if there.exists() and not here.is_symlink():
        here.symlink_to(there)


def _train_and_measure(environment: Mapping[str, str], versions: dict[str, int], cell: "Cell", variant: "Variant | None" = None) -> None:
    """Train what the cell measures (bundle completion and baselines in main cells alone), and measure it."""
    cirp, mmsc = ({}, {}) if variant is None else (variant.cirp, variant.mmsc)
    seed = {"seed": cell.seed}
    _job(environment, "train_cirp", versions, {"graph": "evaluation", "overrides": {**seed, **cirp}})
    if variant is None:
        _job(environment, "train_bundles", versions, {"graph": "evaluation", "overrides": seed})
    if mmsc is not None and "relations" in cell.tasks:
        _job(environment, "train_mmsc", versions, {"graph": "evaluation", "overrides": {**seed, **mmsc}})
    _measure(environment, versions, cell, baselines=variant is None)


def _measure(environment: Mapping[str, str], versions: Mapping[str, int], cell: "Cell", *, baselines: bool) -> None:
    measured = {"data": cell.source.name, "seed": cell.seed, "baselines": baselines, "tasks": cell.tasks}
    _job(environment, "evaluate_models", versions, measured)


def _job(environment: Mapping[str, str], name: str, versions: Mapping[str, int], params: Mapping[str, Any]) -> dict[str, int]:
    """Run one job and return the table versions after it."""
    printed = _goeswith(environment, "job", name, "--run", RUN, "--versions", json.dumps(versions), "--params", json.dumps(params))
    found: dict[str, int] = json.loads(printed.strip().splitlines()[-1])["versions"]
    return found


def _goeswith(environment: Mapping[str, str], *words: str) -> str:
    """Run a command of ours in a process of its own; its logs go to standard error. Raises ``GoeswithError`` with its last words."""
    command = [sys.executable, "-m", "goeswith", *words]
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)  # noqa: S603 - our own command, no shell
    if done.returncode:
        last = "\n".join(done.stderr.strip().splitlines()[-3:])
        raise GoeswithError(f"goeswith {' '.join(words[:2])} failed in {environment['GOESWITH_HOME']}: {last}", "mend it and run evaluate again")
    return done.stdout
