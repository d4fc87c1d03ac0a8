"""The job ``publish_models``: an export becomes the served version, or nothing changes.

Assemble beside, replay the golden requests on a Triton of its own, move in, load into the running Triton and replay there,
and only then name the version current. A process killed anywhere leaves the former version current and served.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tritonclient.grpc as grpc
from pydantic.dataclasses import dataclass
from tritonclient.utils import InferenceServerException

from goeswith import fingerprint
from goeswith.config import STRICT, parse_config
from goeswith.errors import ModelInvalid, ModelUnavailable
from goeswith.jobs import JobResult, JobRun
from goeswith.model_contract import MANIFEST, ExportManifest, ModelSpec, read_export, read_golden
from goeswith.profile import Profile
from serving.rollout import repository as repo
from serving.rollout.golden import replay_golden
from serving.rollout.triton_config import Target
from serving.runtime.triton import client_of, is_live, temporary_triton


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Config:
    """``run`` names the training run whose export is published; '' takes the newest complete one."""

    run: str = ""


def run(job: JobRun) -> JobResult:
    """Publish one export. Publishing it again changes nothing. Raises ``ModelInvalid`` where it does not hold."""
    config = parse_config(Config, job.params, where="job publish_models")
    with repo.locked(job.profile.model_repository):
        return _publish_once(job.profile, find_export(job.profile, config.run))


def _publish_once(profile: Profile, export: Path) -> JobResult:
    manifest = read_export(export)
    before = repo.read_published(profile.model_repository)
    if before and before.made_from == _fingerprint(export):
        return JobResult(summary={**_summary(before), "changed": False})
    worst, published = publish(profile, export, manifest, before)
    return JobResult(summary={**_summary(published), "golden_max_abs_diff": worst, "changed": True})


def find_export(profile: Profile, run_id: str) -> Path:
    """Return the export of a run, or the newest complete one. Raises ``ModelUnavailable``."""
    found = sorted(profile.models.glob(f"{run_id or '*'}/export/{MANIFEST}"), key=lambda path: path.stat().st_mtime_ns)
    if not found:
        raise ModelUnavailable(f"run {run_id!r} has no export" if run_id else "no run has an export yet", "run: goeswith run train")
    return found[-1].parent


def publish(profile: Profile, export: Path, manifest: ExportManifest, before: repo.Published | None) -> tuple[float, repo.Published]:
    """Return the largest golden difference and the manifest that is now current. Raises ``ModelInvalid``; then nothing has changed."""
    repository = profile.model_repository
    version = repo.next_version(before)
    repo.remove_unnamed(repository, before.kept if before else ())
    worst = _verify_staged(profile, export, manifest, version)
    repo.adopt_staging(repository, manifest.models, version)
    published = _published(export, manifest, version, before)
    try:
        worst = max(worst, _serve_beside(profile, export, published, before))
        repo.write_published(repository, published)
    except BaseException:
        _roll_back(profile, before)
        raise
    repo.remove_unnamed(repository, published.kept)
    return worst, published


def _verify_staged(profile: Profile, export: Path, manifest: ExportManifest, version: int) -> float:
    repository = profile.model_repository
    staging = repo.build_staging(repository, export, manifest, version)
    try:
        with temporary_triton(staging, profile.servers / "publishing", [spec.name for spec in manifest.models]) as client:
            return replay_golden(client, read_golden(export), version)
    except BaseException:
        repo.remove_unnamed(repository, repo.kept_versions(repository))
        raise


def _serve_beside(profile: Profile, export: Path, published: repo.Published, before: repo.Published | None) -> float:
    """Load the new version beside the one that takes traffic, and replay the golden requests there; 0 where no Triton runs.

    Versions whose signatures differ cannot share a config: then the new one alone is loaded.
    """
    together = before is not None and before.models == published.models
    versions = [before.version, published.version] if before and together else [published.version]
    repo.write_configs(profile.model_repository, published.models, target_of(profile), versions)
    with client_of(profile.triton) as client:
        if not is_live(client):
            return 0.0
        _load(client, published.models)
        return replay_golden(client, read_golden(export), published.version)


def _roll_back(profile: Profile, before: repo.Published | None) -> None:
    repository = profile.model_repository
    with client_of(profile.triton) as client:
        if before:
            repo.write_configs(repository, before.models, target_of(profile), [before.version])
            if is_live(client):
                _load(client, before.models)
    repo.remove_unnamed(repository, before.kept if before else ())


def _load(client: grpc.InferenceServerClient, models: Sequence[ModelSpec]) -> None:
    """Load models in the order of the spec: an ensemble stands behind the models that it is made of."""
    for spec in models:
        try:
            client.load_model(spec.name)
        except InferenceServerException as error:
            raise ModelInvalid(f"Triton does not load {spec.name}: {error.message()}", "read triton.log") from error


def target_of(profile: Profile) -> Target:
    """Return which Triton the profile serves from."""
    return "wheel" if profile.profile == "local" else "container"


def _published(export: Path, manifest: ExportManifest, version: int, before: repo.Published | None) -> repo.Published:
    return repo.Published(
        version=version,
        kept=(*(before.kept if before else ()), version)[-repo.KEEP :],
        run=manifest.run,
        release=manifest.release,
        made_from=_fingerprint(export),
        precision=manifest.encoder.precision,
        models=manifest.models,
        metrics=manifest.metrics,
        feature_names=manifest.feature_names,
    )


def _fingerprint(export: Path) -> str:
    return fingerprint.of_values((export / MANIFEST).read_text(encoding="utf-8"), fingerprint.of_code(("model_repository",)))


def _summary(published: repo.Published) -> dict[str, Any]:
    return {"version": published.version, "run": published.run, "precision": published.precision, "models": [spec.name for spec in published.models]}
