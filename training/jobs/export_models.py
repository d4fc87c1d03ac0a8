"""The job ``export_models``: the models of the full graph as files that any Triton serves, with golden requests and hashes."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic.dataclasses import dataclass

from goeswith import fingerprint
from goeswith.config import STRICT, parse_config
from goeswith.jobs import JobResult, JobRun
from goeswith.model_contract import MANIFEST, ExportManifest, Precision, hash_files
from goeswith.results import read_figures
from training.dataset import read_training_set
from training.evaluation.tables import OURS
from training.evaluation.traits_page import TRAITS
from training.export.build import Origin, write_export
from training.export.load import load_trained
from training.export.signatures import RAW_FIELDS

CODE = ("training/export", "model_repository")
MODELS = ("cirp", "bundles", "mmsc")
SLICES = ("all", "warm")


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Config:
    """``precision`` is that of the served item encoder: 'int8' is smaller and faster, and refused where its neighbours are too many others."""

    precision: Precision = "float32"


def run(job: JobRun) -> JobResult:
    """Export this run's models; an export of the same models by the same code is left as it is."""
    config = parse_config(Config, job.params, where="job export_models")
    models, export = job.profile.models / job.run_id / "full", job.profile.models / job.run_id / "export"
    version = job.version_of("training_sets")
    made_from = fingerprint.of_values(
        version, config.precision, [hash_files(models / name) for name in MODELS], fingerprint.of_code(("training/export", "model_repository"))
    )
    before = read_made_from(export, made_from)
    if before is not None:
        return JobResult(summary={"changed": False, "models": list(MODELS), "encoder": before.encoder.model_dump(mode="json")})
    items = read_training_set(job.profile, version=version, run=job.run_id, graph="full").items
    trained = load_trained(models, items)
    written = write_export(trained, origin_of(job, models, made_from), export, job.profile.pictures, config.precision)
    encoder = written.encoder.model_dump(mode="json")
    return JobResult(summary={"changed": True, "models": list(MODELS), "items": len(items), "parity": written.parity, "encoder": encoder})


def origin_of(job: JobRun, models: Path, made_from: str) -> Origin:
    """Return what the manifest says about where the export comes from; the run's release has the run's name."""
    recipes = {name: json.loads((models / name / "recipe.json").read_text(encoding="utf-8"))["recipe"] for name in MODELS}
    return Origin(
        run=job.run_id,
        release=job.run_id,
        made_from=made_from,
        recipes=recipes,
        seed=int(recipes["mmsc"]["seed"]),
        metrics=own_metrics(job),
        feature_names=RAW_FIELDS,
    )


def own_metrics(job: JobRun) -> tuple[dict[str, Any], ...]:
    """Return the figures of the served models on whole test sets, as ``evaluate_models`` measured them without the holdout."""
    figures = read_figures(job.profile, "metrics")
    return tuple(asdict(figure) for figure in figures if figure.model in OURS and figure.slice in SLICES and figure.task not in TRAITS)


def read_made_from(export: Path, made_from: str) -> ExportManifest | None:
    """Return the manifest of an export that was made from the same models by the same code, None for any other or none."""
    try:
        manifest = ExportManifest.model_validate_json((export / MANIFEST).read_bytes())
    except (OSError, ValidationError):
        return None
    return manifest if manifest.made_from == made_from else None
