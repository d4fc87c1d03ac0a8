"""One cell of a suite: its steps, each a process of its own, and what it shares with the cell that made its data."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goeswith import lake
from goeswith.errors import GoeswithError
from goeswith.profile import Profile
from goeswith.results import Figure, read_figures, write_json

if TYPE_CHECKING:
    from training.evaluation.experiments import Cell
    from training.evaluation.variants import GraphJobs, Variant

RUN = "evaluate"
SHARED = ("pictures", "truth", "cache", "results/ceilings.jsonl")
"""What a cell reads of the main cell that made its data, beside the lake."""
JUDGE, VERDICTS = "judge_edges", "edge_verdicts"
GRAPH_JOBS = ("prune_pairs", JUDGE, "build_relations", "apply_features", "build_training_set")
"""From counted pairs to a training set, in their order."""


def run_cell(profile: Profile, cell: "Cell", threads: int) -> list[Figure]:
    """Run one cell, each step a process of its own with so many ``threads``, and return its figures."""
    from training.evaluation.experiments import MAIN
    from training.evaluation.variants import VARIANTS

    cells = profile.root / "cells"
    home, main, lake = cells / cell.world / cell.variant, cells / cell.world / MAIN, cells / cell.lake_of / MAIN
    limits = {"OMP_NUM_THREADS": str(threads)}
    if cell.variant != MAIN:
        run_variant(home, main, lake, VARIANTS[cell.variant], cell, limits)
    elif home == lake:
        run_main(home, cell, limits)
    else:
        run_seed(home, lake, cell, limits)
    return read_figures(Profile.model_construct(home=home), "metrics")


def run_main(home: Path, cell: "Cell", limits: Mapping[str, str]) -> None:
    """Take the source through ingest and graph, and train and measure on the evaluation graph."""
    options = {"seed": cell.seed} if cell.source.kind == "synthetic" else dict(cell.source.options)
    params = {"ingest": {"source": cell.source.kind, "data": cell.data, "options": options}, "reserve_holdout": dict(cell.source.holdout)}
    environment = {**limits, "GOESWITH_HOME": str(home)}
    for dag in ("ingest", "graph"):
        _goeswith(environment, "run", dag, "--run", RUN, "--params", json.dumps(params))
    versions: dict[str, int] = {}
    for job in ("apply_features", "build_training_set"):
        versions = _job(environment, job, versions, {})
    write_json(home / "versions.json", versions)
    _train_and_measure(environment, versions, cell)


def run_seed(home: Path, made: Path, cell: "Cell", limits: Mapping[str, str]) -> None:
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


def run_variant(home: Path, main: Path, made: Path, variant: "Variant", cell: "Cell", limits: Mapping[str, str]) -> None:
    """Train the changed recipes on the main cell's lake, or on one of their own, in a home of their own, and measure our models alone."""
    environment = {**limits, **_share(home, main, made)}
    versions = json.loads((main / "versions.json").read_text(encoding="utf-8"))
    if variant.graph or variant.lie:
        environment["GOESWITH_LAKE"] = str(home / "lake")
        _copy_lake(made / "lake", home / "lake", [VERDICTS] if JUDGE in variant.graph else [])
    if variant.graph:
        versions = _build_again(environment, versions, variant.graph)
    if variant.lie:
        own = Profile.model_construct(home=home, lake=str(home / "lake"))
        versions = {**versions, "training_sets": tell_lie(own, version=versions["training_sets"], run=RUN, lie=variant.lie, seed=cell.seed)}
    if variant.leaky:
        _train_leaky(environment, home, versions, cell, variant)
        return
    if variant.cirp is None:
        _link(_models(home) / "evaluation" / "cirp", _models(main) / "evaluation" / "cirp")
    _train_and_measure(environment, versions, cell, variant)


def _copy_lake(main: Path, lake: Path, without: Sequence[str]) -> None:
    """Begin a lake as the main cell's, but for some tables; its files are linked, not copied."""
    shutil.rmtree(lake, ignore_errors=True)
    shutil.copytree(main, lake, copy_function=os.link, ignore=lambda folder, _: without if Path(folder) == main else ())


def _build_again(environment: Mapping[str, str], versions: dict[str, int], graph: "GraphJobs") -> dict[str, int]:
    """Prune, judge and build the graph anew, each job with the parameters of ``graph``; one that is None there is left out."""
    if JUDGE in graph:
        versions = {name: version for name, version in versions.items() if name != VERDICTS}
    first = min(GRAPH_JOBS.index(name) for name in graph)
    for job in GRAPH_JOBS[first:]:
        params = graph.get(job, {})
        if params is not None:
            versions = {**versions, **_job(environment, job, versions, params)}
    return versions


def tell_lie(profile: Profile, *, version: int, run: str, lie: str, seed: int) -> int:
    """Commit a run's training set with false edges (``training.evaluation.noise``) as a new version, and return it."""
    from feature_repo.jobs.training_sets import write_rows
    from training.evaluation.noise_rows import lied_rows

    rows = lake.read_table(profile, "training_sets", version=version, where={"run": run})
    return write_rows(profile, run, lied_rows(rows, lie, seed), {})


def _train_leaky(environment: Mapping[str, str], home: Path, versions: dict[str, int], cell: "Cell", variant: "Variant") -> None:
    """Train on the published graph, test sessions included, and measure as if that were fair."""
    _job(environment, "train_cirp", versions, {"graph": "full", "overrides": {"seed": cell.seed, **(variant.cirp or {})}})
    _link(_models(home) / "evaluation", _models(home) / "full")
    _measure(environment, versions, cell, baselines=False)


def _models(home: Path) -> Path:
    return home / "models" / RUN


def _link(here: Path, there: Path) -> None:
    here.parent.mkdir(parents=True, exist_ok=True)
    if there.exists() and not here.is_symlink():
        here.symlink_to(there)


def _train_and_measure(environment: Mapping[str, str], versions: dict[str, int], cell: "Cell", variant: "Variant | None" = None) -> None:
    """Train what the cell measures (bundle completion and baselines in main cells alone), and measure it."""
    cirp, mmsc = ({}, {}) if variant is None else (variant.cirp, variant.mmsc)
    seed = {"seed": cell.seed}
    if cirp is not None:
        _job(environment, "train_cirp", versions, {"graph": "evaluation", "overrides": {**seed, **cirp}})
    if variant is None and "bundle" in cell.tasks:
        _job(environment, "train_bundles", versions, {"graph": "evaluation", "overrides": seed})
    if mmsc is not None and "relations" in cell.tasks:
        _job(environment, "train_mmsc", versions, {"graph": "evaluation", "overrides": {**seed, **mmsc}})
    _measure(environment, versions, cell, baselines=variant is None)


def _measure(environment: Mapping[str, str], versions: Mapping[str, int], cell: "Cell", *, baselines: bool) -> None:
    published = str(Path(cell.data) / cell.source.published) if cell.source.published else ""
    measured = {"data": cell.source.name, "seed": cell.seed, "baselines": baselines, "tasks": cell.tasks, "published": published}
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
