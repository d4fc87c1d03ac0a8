"""Records of finished steps: a step whose code, parameters and input versions are unchanged, and whose output still stands, is not done again."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from goeswith import fingerprint, lake
from goeswith.jobs import JobResult, JobRun, folder_of
from goeswith.lineage.refs import inputs_of, outputs_of, read_versions
from goeswith.profile import Profile
from goeswith.releases import read_releases
from goeswith.results import write_json
from goeswith.usage import Usage, count_rows

FAILURES = "failures"
"""The folder, in a run's, of the errors of its steps that failed."""


def record_path(profile: Profile, run_id: str, step: str) -> Path:
    """Return where the record of one step of one run lies."""
    return profile.runs / run_id / f"{step}.json"


def failure_path(profile: Profile, run_id: str, step: str) -> Path:
    """Return where the error of a step lies that failed; it is gone once the step is done."""
    return profile.runs / run_id / FAILURES / f"{step}.json"


def fingerprint_job(name: str, job: JobRun) -> str:
    """Return what the job's outcome depends on: its folder's code and the kernel's, its parameters, and the rows of the pinned versions."""
    folders = ("goeswith", folder_of(name))
    return fingerprint.of_values(name, fingerprint.of_code(folders), dict(job.params), read_versions(name, job))


def find_record(name: str, step: str, job: JobRun) -> JobResult | None:
    """Return the recorded result of this very step, or None where it has to be done (again).

    Only steps whose whole output is tables (or a gate's decision) are taken from the record; the others know themselves what is complete.
    """
    path = record_path(job.profile, job.run_id, step)
    if not path.exists():
        return None
    record = json.loads(path.read_text(encoding="utf-8"))
    result = JobResult(versions=record["written"], summary={**record["summary"], "unchanged": True})
    same = record["fingerprint"] == fingerprint_job(name, job)
    return result if same and (record["written"] or name == "gate") and _stands(job.profile, record["written"]) else None


def _stands(profile: Profile, written: Mapping[str, int]) -> bool:
    return all(_holds_rows_of(profile, table, version) for table, version in written.items())


def _holds_rows_of(profile: Profile, table: str, version: int) -> bool:
    """Whether nothing but upkeep came after a version."""
    current = lake.current_version(profile, table)
    return current is not None and lake.content_version(profile, table, current) <= version <= current


def write_record(name: str, step: str, job: JobRun, result: JobResult, usage: Usage) -> Path:
    """Record a finished step: what it read, made and took."""
    record: dict[str, Any] = {"job": name, "fingerprint": fingerprint_job(name, job), "params": dict(job.params), **usage.to_json()}
    record |= {"rows": count_rows(job, result.versions), "written": dict(result.versions), "summary": dict(result.summary)}
    record |= {"ended_at": datetime.now(UTC).isoformat()}
    record |= {"inputs": [asdict(ref) for ref in inputs_of(name, job, result)], "outputs": [asdict(ref) for ref in outputs_of(name, job, result)]}
    return write_json(record_path(job.profile, job.run_id, step), record)


def read_records(profile: Profile, run_id: str) -> dict[str, dict[str, Any]]:
    """Return the records of a run by step."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted((profile.runs / run_id).glob("*.json"))}


def find_last_source(profile: Profile, until: datetime | None = None) -> dict[str, Any] | None:
    """Return what the last ingest that was released (``until`` then) said of its source and rows; None where no record is left."""
    runs = [release.name for release in read_releases(profile) if until is None or release.created_at <= until]
    found = (read_records(profile, run).get("ingest") for run in reversed(runs))
    record = next((each for each in found if each), None)
    return dict(record["summary"]) if record else None
