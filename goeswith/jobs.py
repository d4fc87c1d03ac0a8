"""The jobs there are, and what a job is: ``run(JobRun) -> JobResult`` in the module that the registry names.

A DAG task runs ``goeswith job NAME --run ID --versions JSON --params JSON``, identical in every profile.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Protocol

from goeswith import releases
from goeswith.errors import ConfigError, VersionMissing
from goeswith.profile import Profile

JOBS: dict[str, str] = {
    "ingest": "spark_jobs.ingest",
    "take_feedback": "spark_jobs.take_feedback",
    "stream": "spark_jobs.streams.job",
    "reserve_holdout": "spark_jobs.reserve_holdout",
    "count_pairs": "spark_jobs.count_pairs",
    "measure_pairs": "spark_jobs.measure_pairs",
    "prune_pairs": "training.jobs.prune_pairs",
    "judge_edges": "spark_jobs.judge_edges",
    "build_relations": "spark_jobs.build_relations",
    "mine_sets": "spark_jobs.mine_sets",
    "gate": "spark_jobs.gates.job",
    "release": "goeswith.release_job",
    "apply_features": "feature_repo.jobs.apply",
    "build_training_set": "feature_repo.jobs.training_sets",
    "materialise": "feature_repo.jobs.materialise",
    "train_cirp": "training.jobs.train_cirp",
    "train_mmsc": "training.jobs.train_mmsc",
    "train_bundles": "training.jobs.train_bundles",
    "train_judge": "training.jobs.train_judge",
    "evaluate_models": "training.jobs.evaluate_models",
    "compare_models": "training.jobs.compare_models",
    "embed_items": "training.jobs.embed_items",
    "infer": "training.jobs.infer",
    "infer_changed": "training.jobs.infer_changed",
    "export_models": "training.jobs.export_models",
    "decide_promotion": "serving.promotion.job",
    "publish_models": "serving.rollout.publish",
    "watch_drift": "goeswith.drift.job",
    "maintain": "goeswith.upkeep.job",
    "register_tables": "spark_jobs.register_tables",
}
"""Job name -> module that holds its ``Config`` and ``run``."""

GPU = ("train_cirp", "train_bundles", "train_mmsc", "embed_items")
"""Jobs that get a GPU where a deployment has one: those that train or run neural encoders over the whole catalogue."""

READS: dict[str, tuple[str, ...]] = {
    "ingest": (),
    "take_feedback": (),
    "stream": (),
    "reserve_holdout": ("items", "events", "bundles", "declared_relations"),
    "count_pairs": ("events", "holdout"),
    "measure_pairs": ("pair_ledger", "item_numbers", "events", "holdout", "declared_relations"),
    "prune_pairs": ("item_pairs",),
    "judge_edges": ("items", "item_pairs", "pair_scores"),
    "build_relations": ("item_pairs", "pair_scores", "edge_verdicts"),
    "mine_sets": ("events", "holdout"),
    "apply_features": ("items", "item_embeddings", "item_neighbours", "item_pairs", "edge_verdicts", "relations"),
    "materialise": ("items", "events", "item_embeddings", "item_neighbours", "item_pairs", "edge_verdicts", "relations"),
    "build_training_set": ("items", "events", "holdout", "item_pairs", "edge_verdicts", "relations"),
    "train_cirp": ("bundles", "events", "holdout", "items", "training_sets"),
    "train_bundles": ("bundles", "events", "holdout", "items", "training_sets"),
    "train_mmsc": ("training_sets",),
    "train_judge": ("items", "item_pairs", "edge_verdicts"),
    "evaluate_models": ("bundles", "events", "holdout", "items", "training_sets"),
    "embed_items": ("items", "training_sets"),
    "infer": ("edge_verdicts", "item_pairs", "items", "relations", "training_sets"),
    "infer_changed": ("edge_verdicts", "item_embeddings", "items", "relations", "training_sets"),
    "export_models": ("training_sets",),
    "publish_models": (),
    "watch_drift": ("items", "events", "relations", "item_neighbours"),
}
"""The tables that a job's outcome depends on; a job that is not named here may read any."""

ONE_AT_A_TIME = (
    "ingest",
    "take_feedback",
    "reserve_holdout",
    "count_pairs",
    "measure_pairs",
    "judge_edges",
    "build_relations",
    "embed_items",
    "infer_changed",
    "materialise",
    "watch_drift",
    "gate",
    "release",
    "register_tables",
)
"""Jobs that write on top of what they find in a table or a store: of each, one process at a time is at work, whatever the run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRun:
    """One execution of one job.

    ``run_id`` is the DAG run's; executing a job twice with one run id changes nothing. ``versions`` pins the tables that the
    job reads: what earlier tasks of the same DAG run wrote, else the newest release. ``params`` fill the job's ``Config``.
    """

    profile: Profile
    run_id: str
    versions: Mapping[str, int] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)

    def version_of(self, table: str) -> int:
        """Return the version of a table that this run reads. Raises ``VersionMissing``."""
        found = self.find_version(table)
        if found is None:
            raise VersionMissing(f"run {self.run_id!r} has no version of {table!r} to read", "run the DAG that writes it first")
        return found

    def find_version(self, table: str) -> int | None:
        """Return the version of a table that this run reads, or None where there is none yet."""
        if table in self.versions:
            return self.versions[table]
        return releases.released_versions(self.profile).get(table)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobResult:
    """What a job did: the table versions it wrote, and a summary for people and reports (JSON values only)."""

    versions: Mapping[str, int] = field(default_factory=dict)
    summary: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return one line of JSON: a job's last line on standard output."""
        return json.dumps({"versions": dict(self.versions), "summary": dict(self.summary)}, sort_keys=True)


class Job(Protocol):
    """The module of a job."""

    def run(self, job: JobRun) -> JobResult:
        """Do the work."""


def folder_of(name: str) -> str:
    """Return the folder that a job belongs to: the catalogue's name of a writer."""
    return JOBS[name].split(".")[0]


def require_job(name: str) -> None:
    """Raise ``ConfigError`` that lists the jobs there are, unless there is one of this name."""
    if name not in JOBS:
        raise ConfigError(f"no job is called {name!r}", f"jobs: {', '.join(JOBS)}")


def load_job(name: str) -> Job:
    """Import a job's module, which may take seconds. Raises ``ConfigError``."""
    require_job(name)
    module: Job = import_module(JOBS[name])
    return module
