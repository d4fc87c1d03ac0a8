"""A way from a source to a served model, told as its jobs tell it: tables that are there, results as the jobs return them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from goeswith.jobs import JobResult, JobRun
from goeswith.profile import Profile
from tests import tiny_shop

GRAPH = {"graph": "full"}


@dataclass(frozen=True)
class Step:
    """One job of a DAG's run with its parameters, and what it returns."""

    dag: str
    job: str
    params: dict[str, Any]
    written: tuple[str, ...]
    summary: dict[str, Any]


STEPS = (
    Step("ingest", "ingest", {"source": "files", "data": "/shop"}, ("items", "events"), {}),
    Step("graph", "build_relations", {}, ("relations",), {}),
    Step("train", "build_training_set", {}, ("training_sets",), {}),
    Step("train", "train_cirp", GRAPH, (), {}),
    Step("train", "train_bundles", GRAPH, (), {}),
    Step("train", "train_mmsc", GRAPH, (), {}),
    Step("train", "export_models", {}, (), {}),
    Step("publish", "publish_models", {}, (), {"run": "run-train", "version": 1}),
)
"""The pairs between events and relations are left out: the relations of a tiny shop are planted."""


def tell_way(profile: Profile) -> Iterator[tuple[Step, JobRun, JobResult]]:
    """Yield each step with its run and its result, once its tables are there."""
    versions = tiny_shop.write_tiny_lake(profile)
    job = JobRun(profile=profile, run_id="", versions={})
    for step in STEPS:
        written = {table: versions[table] for table in step.written}
        job = replace(job, run_id=f"run-{step.dag}", params=step.params)
        yield step, job, JobResult(versions=written, summary=step.summary)
        job = replace(job, versions={**job.versions, **written})
