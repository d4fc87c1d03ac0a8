"""What a job read and what it made, each by its name and version: lineage is these pairs, one behind the other, and nothing else."""

from dataclasses import dataclass
from enum import StrEnum

from goeswith import lake
from goeswith.jobs import READS, JobResult, JobRun


class Kind(StrEnum):
    """What there is on the way from a source to answers."""

    SOURCE = "source"
    TABLE = "table"
    MODEL = "model"
    SERVED = "served"


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """One thing on the way. ``name`` is a source's name or path, a table's name, a model's folder below ``models``, or a served model's training run.

    Tables and served models have versions; a model's folder is named by its run, and a source is what it was when it was read.
    """

    kind: Kind
    name: str
    version: int | None = None

    def __str__(self) -> str:
        return f"{self.kind} {self.name}" + ("" if self.version is None else f" version {self.version}")


SOURCES = ("ingest", "stream", "take_feedback")
"""Jobs that read what is no table of ours."""
CHECKS = ("gate", "release", "maintain")
"""Jobs whose result names versions that others made."""
TRAINED = ("full/cirp", "full/bundles", "full/mmsc")

MODELS_READ: dict[str, tuple[str, ...]] = {
    "train_bundles": ("{graph}/cirp",),
    "train_mmsc": ("{graph}/cirp",),
    "evaluate_models": ("evaluation/cirp", "evaluation/bundles", "evaluation/mmsc"),
    "compare_models": ("evaluation/bundles", "evaluation/mmsc"),
    "decide_promotion": ("export",),
    "embed_items": ("{graph}/cirp",),
    "infer": ("{graph}/mmsc",),
    "infer_changed": ("{graph}/mmsc",),
    "export_models": TRAINED,
    "publish_models": ("export",),
}
"""The folders of a training run that a job reads."""
MODELS_MADE: dict[str, tuple[str, ...]] = {
    "train_cirp": ("{graph}/cirp",),
    "train_bundles": ("{graph}/bundles",),
    "train_mmsc": ("{graph}/mmsc",),
    "export_models": ("export",),
}

RUN_TOLD = {"embed_items": "model", "infer_changed": "model", "publish_models": "run"}
"""Jobs that may use the models of another run than their own, and where their summary names it."""


def read_versions(name: str, job: JobRun) -> dict[str, int]:
    """Return by table the version that a job reads, as the version in which its rows were written."""
    tables = ("items", *job.params["tables"]) if name == "gate" else READS.get(name, tuple(job.versions))
    return {table: lake.content_version(job.profile, table, job.versions[table]) for table in tables if table in job.versions}


def inputs_of(name: str, job: JobRun, result: JobResult) -> list[Ref]:
    """Return what a job has read."""
    tables = [Ref(Kind.TABLE, table, version) for table, version in sorted(read_versions(name, job).items())]
    return [*_sources(name, job), *tables, *_models(MODELS_READ, name, job, result)]


def outputs_of(name: str, job: JobRun, result: JobResult) -> list[Ref]:
    """Return what a job has made, tables at the versions in which their rows were written."""
    written = {} if name in CHECKS else result.versions
    versions = {table: lake.content_version(job.profile, table, version) for table, version in sorted(written.items())}
    return [*(Ref(Kind.TABLE, *item) for item in versions.items()), *_models(MODELS_MADE, name, job, result), *_served(name, result)]


def _sources(name: str, job: JobRun) -> list[Ref]:
    if name not in SOURCES:
        return []
    source = job.params.get("source", "feedback" if name == "take_feedback" else "synthetic" if name == "ingest" else "files")
    return [Ref(Kind.SOURCE, str(job.params.get("data") or job.params.get("topic") or source))]


def _models(folders: dict[str, tuple[str, ...]], name: str, job: JobRun, result: JobResult) -> list[Ref]:
    run = result.summary[RUN_TOLD[name]] if name in RUN_TOLD else job.run_id
    graph = job.params.get("graph", "full")
    return [Ref(Kind.MODEL, f"{run}/{folder.format(graph=graph)}") for folder in folders.get(name, ())]


def _served(name: str, result: JobResult) -> list[Ref]:
    return [Ref(Kind.SERVED, str(result.summary["run"]), int(result.summary["version"]))] if name == "publish_models" else []
