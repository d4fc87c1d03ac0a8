"""The job ``publish_models``: an export becomes the served version, or one for a share of requests, or nothing changes.

Assemble beside, check hashes, signatures and golden requests on a Triton of its own, move in, load into the running Triton beside
the current version and replay there, and only then name it. A process killed anywhere leaves the former version current and served.
"""

from pathlib import Path
from typing import Any

from pydantic import Field
from pydantic.dataclasses import dataclass

from goeswith import fingerprint
from goeswith.config import STRICT, parse_config
from goeswith.errors import ModelInvalid, ModelUnavailable
from goeswith.faults import explain_faults
from goeswith.jobs import JobResult, JobRun
from goeswith.model_contract import MANIFEST, ExportManifest, read_export
from goeswith.profile import Profile
from goeswith.promotions import may_be_published, read_promotion
from goeswith.releases import find_reason
from serving.rollout import manifest as states
from serving.rollout import repository as repo
from serving.rollout.integrity import holds
from serving.rollout.loading import replay_served, serve, switch, verify_alone
from serving.rollout.manifest import Published, Version


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Config:
    """``run`` names the training run whose export is published; '' takes the newest that was not kept back, unless it was rolled back.

    ``canary`` is the share of requests that go to it at first; 0: all.
    """

    run: str = ""
    canary: float = Field(default=0.0, ge=0, le=1)


def run(job: JobRun) -> JobResult:
    """Publish one export. Publishing it again changes nothing. Raises ``ModelInvalid`` where it does not hold."""
    config = parse_config(Config, job.params, where="job publish_models")
    with explain_faults(job.profile, "publishing"), repo.locked(job.profile.model_repository):
        return JobResult(summary=_publish_once(job.profile, config))


def _publish_once(profile: Profile, config: Config) -> dict[str, Any]:
    export, before = find_export(profile, config.run), states.read_trusted(profile)
    manifest, made_from = read_export(export), _fingerprint(export)
    same = next((version for version in before.served if version.made_from == made_from), None) if before else None
    if same and holds(profile.model_repository, same):  # a damaged version is published anew
        return {**_summary(same), "changed": False}
    undone = states.find_rolled_back(before, made_from)
    if before and undone and not config.run:
        return {**_summary(before.current), "changed": False, "rolled_back": f"run {undone.run} was rolled back: {undone.why}"}
    worst, version = _Publishing(profile, before).publish(export, manifest, made_from, config.canary)
    return {**_summary(version), "golden_max_abs_diff": worst, "canary": config.canary, "changed": True}


def find_export(profile: Profile, run_id: str) -> Path:
    """Return the export of a run, or the newest complete one of a run that was not kept back. Raises ``ModelUnavailable``."""
    found = sorted(profile.models.glob(f"{run_id or '*'}/export/{MANIFEST}"), key=lambda path: path.stat().st_mtime_ns)
    if not found:
        raise ModelUnavailable(f"run {run_id!r} has no export" if run_id else "no run has an export yet", "run: goeswith run train")
    live = [path for path in found if run_id or may_be_published(profile, path.parents[1].name)]
    if not live:
        raise ModelUnavailable("every run that has an export was kept back, or awaits approval", "see: goeswith rollout history")
    return live[-1].parent


class _Publishing:
    """One publish: what was ``before`` holds until the new version is named, and again where it is not."""

    def __init__(self, profile: Profile, before: Published | None) -> None:
        self.profile, self.before, self.repository = profile, before, profile.model_repository

    def publish(self, export: Path, manifest: ExportManifest, made_from: str, share: float) -> tuple[float, Version]:
        """Return the largest golden difference and the new version. Raises ``ModelInvalid``; then all is as it was, and the history says why."""
        new = _version(manifest, repo.next_version(self.repository, self.before), made_from)
        try:
            self._check_canary(new, share)
            worst = self._verify_staged(export, manifest, new)
            return max(worst, self._take_in(new, share, worst)), new
        except BaseException as error:
            self._undo(new, error)
            raise

    def _check_canary(self, new: Version, share: float) -> None:
        if share and (self.before is None or self.before.current.models != new.models):
            what = "there is no current version beside it" if self.before is None else "the current version has other signatures"
            raise ModelInvalid(f"run {new.run} cannot take a share of requests: {what}", "publish it for all requests: leave the canary out")

    def _verify_staged(self, export: Path, manifest: ExportManifest, new: Version) -> float:
        repo.remove_unnamed(self.repository, self.before.kept if self.before else ())
        staging = repo.build_staging(self.repository, export, manifest, new.version)
        return verify_alone(self.profile, staging, new)[1]

    def _take_in(self, new: Version, share: float, worst: float) -> float:
        """Load the new version beside the one that takes traffic, replay the golden requests there, and name it.

        Versions whose signatures differ cannot share a config: then the new one alone is loaded.
        """
        repo.adopt_staging(self.repository, new.version)
        before = self.before
        together = before is not None and before.current.models == new.models
        if before and together:
            serving = repo.serving_of(before)
            serve(self.profile, new.models, repo.Serving(current=before.version, beside=(*serving.beside, new.version)))
        else:
            serve(self.profile, new.models, repo.Serving(current=new.version))
        worst = max(worst, replay_served(self.profile, new, current=not together))
        after = self._after(new, share, {"golden_max_abs_diff": worst})
        if before:
            switch(self.profile, before, after, linger=not share)
        else:
            states.write_published(self.profile, after)
        repo.remove_unnamed(self.repository, after.kept)
        return worst

    def _after(self, new: Version, share: float, figures: dict[str, Any]) -> Published:
        why, figures = self._reasons(new), {**figures, **_decision(self.profile, new.run)}
        if not share or self.before is None:
            return states.make_current(self.before, new, why, figures)
        canary = states.Canary(version=new.version, share=share, names=repo.names_of(new.models, new.version))
        return states.make_canary(self.before, new, canary, why, figures)

    def _reasons(self, new: Version) -> str:
        """Return why the run trained, where anybody said so, and that it is published although it was kept back, where it was."""
        found = read_promotion(self.profile, new.run)
        against = f"named, although run {new.run} is {found.decision}: {found.reason}" if found and found.decision != "promoted" else ""
        return "; ".join(part for part in (find_reason(self.profile, new.release), against) if part)

    def _undo(self, new: Version, error: BaseException) -> None:
        """Serve again what was served before, and say in the history why the new version is not."""
        now = states.read_published(self.repository)
        if now and new.version in now.kept:  # it was named: what failed came after
            return
        repo.remove_unnamed(self.repository, now.kept if now else ())  # first: on a full disk it makes room for what follows
        if now:
            serve(self.profile, now.current.models, repo.serving_of(now))
        if now and isinstance(error, ModelInvalid):
            states.write_published(self.profile, states.refuse(now, new, error.what))


def _version(manifest: ExportManifest, number: int, made_from: str) -> Version:
    return Version(
        version=number,
        run=manifest.run,
        release=manifest.release,
        made_from=made_from,
        precision=manifest.encoder.precision,
        models=manifest.models,
        metrics=manifest.metrics,
        feature_names=manifest.feature_names,
        published_at=states.now(),
        files=repo.files_of(manifest, number),
    )


def _decision(profile: Profile, run: str) -> dict[str, Any]:
    """Return in short what was decided about a run, for the history; the whole stands in its record."""
    found = read_promotion(profile, run)
    return {"promotion": {"decision": found.decision, "reason": found.reason, "by": found.by}} if found else {}


def _fingerprint(export: Path) -> str:
    return fingerprint.of_values((export / MANIFEST).read_text(encoding="utf-8"), fingerprint.of_code(("model_repository",)))


def _summary(version: Version) -> dict[str, Any]:
    return {"version": version.version, "run": version.run, "precision": version.precision, "models": [spec.name for spec in version.models]}
