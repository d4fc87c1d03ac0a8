"""Measure this run's models and every baseline on what the holdout reserved, and on planted truth where it exists."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from goeswith import fingerprint
from goeswith.config import STRICT, parse_config
from goeswith.jobs import JobResult, JobRun
from goeswith.profile import Profile
from goeswith.records import find_last_source, read_records
from goeswith.results import Figure, write_atomically, write_figures, write_json
from training.evaluation.contenders import Contenders
from training.evaluation.pages import figures_markdown
from training.evaluation.published import evaluate_published
from training.evaluation.run import Plan, evaluate_bundles, evaluate_relations
from training.evaluation.tables import MAIN_METRICS, main_metric
from training.evaluation.traits import encoder_figures, gate_figures
from training.evaluation.world import read_world

CODE = ("goeswith", "training")
TABLES = ("training_sets", "holdout", "items", "events", "bundles")
"""What the world is read from."""


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Config:
    """How much is measured, and under which name.

    ``data`` names the source in every figure ('' takes what this run ingested). ``max_cases`` bounds the bundle cases,
    ``max_queries`` each slice of a relation; both are drawn by ``seed``.
    """

    data: str = ""
    tasks: tuple[Literal["bundle", "relations"], ...] = ("bundle", "relations")
    max_cases: int = Field(default=2_000, ge=1)
    max_queries: int = Field(default=1_000, ge=1)
    bootstrap: int = Field(default=500, ge=50)
    seed: int = 0
    baselines: bool = True
    """Off: our models alone, as ablations need them."""
    published: str = ""
    """A test file that the data's authors published (``training.evaluation.published``); it stands in no table."""


def run(job: JobRun) -> JobResult:
    """Write ``results/metrics.jsonl`` and ``.md``, and ``results/samples.json``; no table is written. The same again measures nothing."""
    config = parse_config(Config, job.params, where="job evaluate_models")
    models, note = job.profile.models / job.run_id / "evaluation", job.profile.results / "metrics.inputs.json"
    inputs = fingerprint_inputs(job, models)
    if (done := read_summary(job.profile, note, inputs)) is not None:
        return JobResult(summary={**done, "unchanged": True})
    summary = measure(job, config, models)
    write_json(note, {"inputs": inputs, "metrics": fingerprint.of_files(figures_path(job.profile)), "summary": summary})
    return JobResult(summary=summary)


def fingerprint_inputs(job: JobRun, models: Path) -> str:
    """Return what the figures depend on: code, parameters, versions of tables, the models and the planted truth."""
    versions = {table: job.find_version(table) for table in TABLES}
    published = Path(job.params["published"]) if job.params.get("published") else None
    read = (*(models / name for name in ("cirp", "bundles", "mmsc")), job.profile.truth, published)
    files = [fingerprint.of_files(path) for path in read]
    return fingerprint.of_values(fingerprint.of_code(CODE), dict(job.params), job.run_id, source_name(job), versions, files)


def read_summary(profile: Profile, note: Path, inputs: str) -> dict[str, Any] | None:
    """Return the summary of a measurement of these very inputs whose figures still stand; None where it has to be made."""
    if not note.is_file() or not (profile.results / "samples.json").is_file():
        return None
    found = json.loads(note.read_text(encoding="utf-8"))
    same = found["inputs"] == inputs and found["metrics"] == fingerprint.of_files(figures_path(profile))
    return dict(found["summary"]) if same else None


def figures_path(profile: Profile) -> Path:
    """Return where the figures lie."""
    return profile.results / "metrics.jsonl"


def measure(job: JobRun, config: Config, models: Path) -> dict[str, Any]:
    """Measure everything, write figures and samples, and return the summary."""
    world = read_world(job, data=config.data or source_name(job), max_cases=config.max_cases, seed=config.seed)
    contenders = Contenders(models, baselines=config.baselines, seed=config.seed)
    plan = Plan(config.max_queries, config.bootstrap, config.seed)
    shared = contenders.shared(world.training)
    measures = {"bundle": evaluate_bundles, "relations": evaluate_relations}
    outcomes = [measures[task](world, contenders, shared, plan) for task in config.tasks]
    published = evaluate_published(world.full, world.data, Path(config.published), contenders, plan) if config.published else []
    figures = [*(figure for outcome in outcomes for figure in outcome.figures), *published]
    figures += [*encoder_figures(models / "cirp", world.data, config.seed), *gate_figures(models / "mmsc", world, config.seed)]
    write_figures(job.profile, "metrics", figures)
    write_atomically(job.profile.results / "metrics.md", figures_markdown(figures))
    write_json(job.profile.results / "samples.json", [asdict(sample) for outcome in outcomes for sample in outcome.samples])
    return {"figures": len(figures), "best": best_rows(figures), "bundle_unit": world.bundle_source, "skipped": contenders.skipped}


def source_name(job: JobRun) -> str:
    """Return the source of what this run ingested, or else was released last; 'shop' where no record is left."""
    own = read_records(job.profile, job.run_id).get("ingest", {}).get("summary")
    name: str = (own or find_last_source(job.profile) or {}).get("source", "shop")
    return name


def best_rows(figures: Sequence[Figure]) -> list[dict[str, Any]]:
    """Return the best model of each task and slice in its main metric."""
    best: dict[tuple[str, str], Figure] = {}
    for figure in figures:
        at = (figure.task, figure.slice)
        if figure.task in MAIN_METRICS and figure.metric == main_metric(figure) and (at not in best or figure.value > best[at].value):
            best[at] = figure
    return [{"task": f.task, "slice": f.slice, "model": f.model, "metric": f.metric, "value": round(f.value, 4)} for f in best.values()]
