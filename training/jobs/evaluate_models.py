"""Measure this run's models and every baseline on what the holdout reserved, and on planted truth where it exists."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from pydantic import Field
from pydantic.dataclasses import dataclass

from goeswith.config import STRICT, parse_config
from goeswith.jobs import JobResult, JobRun
from goeswith.records import read_records
from goeswith.results import Figure, write_figures, write_json
from training.evaluation.contenders import Contenders
from training.evaluation.run import Plan, evaluate_bundles, evaluate_relations
from training.evaluation.tables import main_metric
from training.evaluation.world import read_world


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Config:
    """How much is measured, and under which name.

    ``data`` names the source in every figure ('' takes what this run ingested). ``max_cases`` bounds the bundle cases,
    ``max_queries`` each slice of a relation; both are drawn by ``seed``.
    """

    data: str = ""
    max_cases: int = Field(default=2_000, ge=1)
    max_queries: int = Field(default=1_000, ge=1)
    bootstrap: int = Field(default=500, ge=50)
    seed: int = 0
    baselines: bool = True
    """Off: our models alone, as ablations need them."""


def run(job: JobRun) -> JobResult:
    """Write ``results/metrics.jsonl`` and ``results/samples.json``; no table is written."""
    config = parse_config(Config, job.params, where="job evaluate_models")
    world = read_world(job, data=config.data or source_name(job), max_cases=config.max_cases, seed=config.seed)
    contenders = Contenders(job.profile.models / job.run_id / "evaluation", baselines=config.baselines)
    plan = Plan(config.max_queries, config.bootstrap, config.seed)
    shared = contenders.shared(world.training)
    bundles = evaluate_bundles(world, contenders, shared, plan)
    relations = evaluate_relations(world, contenders, shared, plan)
    figures = [*bundles.figures, *relations.figures]
    write_figures(job.profile, "metrics", figures)
    write_json(job.profile.results / "samples.json", [asdict(sample) for sample in (*bundles.samples, *relations.samples)])
    return JobResult(summary={"figures": len(figures), "best": best_rows(figures), "bundle_unit": world.bundle_source, "skipped": contenders.skipped})


def source_name(job: JobRun) -> str:
    """Return the source that this run ingested, 'shop' where another run did."""
    name: str = read_records(job.profile, job.run_id).get("ingest", {}).get("summary", {}).get("source", "shop")
    return name


def best_rows(figures: Sequence[Figure]) -> list[dict[str, Any]]:
    """Return the best model of each task and slice in its main metric."""
    best: dict[tuple[str, str], Figure] = {}
    for figure in figures:
        at = (figure.task, figure.slice)
        if figure.metric == main_metric(figure) and (at not in best or figure.value > best[at].value):
            best[at] = figure
    return [{"task": f.task, "slice": f.slice, "model": f.model, "metric": f.metric, "value": round(f.value, 4)} for f in best.values()]
