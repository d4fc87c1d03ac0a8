"""The job ``decide_promotion``: whether an export goes live, by the comparison, the gates behind its data and its latency.

It completes the record that ``compare_models`` began. Where the profile asks a person, that person decides what holds.
"""

import hashlib
from pathlib import Path
from typing import Any

from goeswith.config import parse_config
from goeswith.errors import ConfigError
from goeswith.faults import explain_faults
from goeswith.jobs import JobResult, JobRun
from goeswith.model_contract import MANIFEST, ExportManifest, read_export
from goeswith.promotions import Latency, Promotion, now, require_promotion, write_promotion
from goeswith.releases import released_versions
from serving.promotion.gates import find_unpassed, read_gates
from serving.promotion.latency import measure_latency
from serving.promotion.rule import Limits, decide, find_slow
from serving.rollout import repository as repo
from serving.rollout.manifest import Version, read_trusted

Config = Limits
"""The job's parameters."""


def run(job: JobRun) -> JobResult:
    """Complete ``promotions/RUN.json``. The same again measures nothing, and leaves what a person said since."""
    limits, found = parse_config(Limits, job.params, where="job decide_promotion"), require_promotion(job.profile, job.run_id)
    if not found.compared.worse:
        export = job.profile.models / job.run_id / "export"
        with explain_faults(job.profile, "deciding on a promotion"), repo.locked(job.profile.model_repository):
            found = _decided(job, found, export, limits)
        write_promotion(job.profile, found)
    return JobResult(summary=_summary(found))


def _decided(job: JobRun, found: Promotion, export: Path, limits: Limits) -> Promotion:
    manifest, champion = read_export(export), _champion(job, found)
    digest = hashlib.sha256((export / MANIFEST).read_bytes()).hexdigest()
    same = found.manifest_sha256 == digest
    if same and found.decision == "promoted":
        return found
    gates = read_gates(job)
    latency = found.latency if same else _latency(job, export, manifest, champion, limits)
    before = found if same else found.model_copy(update={"approval": None})
    faults = [*find_unpassed(gates, released_versions(job.profile)), *find_slow(latency, limits)]
    decision, reason = decide(before, faults, ask=job.profile.operator.approval)
    told = {"decision": decision, "reason": reason, "gates": gates, "latency": latency, "manifest_sha256": digest}
    changed = not same or (decision, reason) != (found.decision, found.reason)
    return before.model_copy(update={**told, **_origin(manifest, champion), "at": now() if changed else found.at})


def _champion(job: JobRun, found: Promotion) -> Version | None:
    """Return the version that the challenger was compared with. Raises ``ConfigError`` where another is served by now."""
    published = read_trusted(job.profile)
    current = published.current if published else None
    before = (found.champion.version, found.champion.run) if found.champion else None
    if current and current.run != job.run_id and (current.version, current.run) != before:
        raise ConfigError(
            f"{current.name} is served by now, and run {job.run_id!r} was compared with another", "run the DAG train again with this run"
        )
    return current


def _latency(job: JobRun, export: Path, manifest: ExportManifest, champion: Version | None, limits: Limits) -> tuple[Latency, ...]:
    if champion is None or champion.run == job.run_id:
        return ()
    return measure_latency(job.profile, export, manifest, champion, limits.repeats)


def _origin(manifest: ExportManifest, champion: Version | None) -> dict[str, Any]:
    metrics = {"challenger": manifest.metrics, **({"champion": champion.metrics} if champion else {})}
    return {"release": manifest.release, "recipes": manifest.recipes, "seed": manifest.seed, "metrics": metrics}


def _summary(found: Promotion) -> dict[str, Any]:
    latency = {each.model: {"champion_ms": each.champion_ms, "challenger_ms": each.challenger_ms} for each in found.latency}
    return {"decision": found.decision, "reason": found.reason, "latency": latency}
