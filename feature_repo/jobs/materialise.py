"""The job ``materialise``: bring the online store to the released versions."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from feast import FeatureStore
from pydantic.dataclasses import dataclass

from feature_repo.bestsellers import build_bestsellers
from feature_repo.jobs.apply import viewed_versions
from feature_repo.online import changed_rows, write_rows
from feature_repo.slices import list_slices
from feature_repo.snapshots import Versions, prune_snapshots, write_snapshots
from feature_repo.store import apply_versions, open_store
from goeswith.config import STRICT, parse_config
from goeswith.jobs import JobResult, JobRun
from goeswith.profile import Profile
from goeswith.progress import progress
from goeswith.releases import read_release
from goeswith.results import write_json

STATE = "online.json"
"""What the online store holds: release, its time, table versions. Written last, read by the client for ages and versions."""


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Config:
    """``rebuild`` writes every row again instead of those that changed since the last time."""

    rebuild: bool = False


def run(job: JobRun) -> JobResult:
    """Write what changed since the versions that the online store holds, then say so in its state file."""
    config = parse_config(Config, job.params, where="job materialise")
    versions = viewed_versions(job)
    store = open_store(job.profile)
    state = job.profile.features / STATE
    before = {} if config.rebuild else read_state(state).get("versions", {})
    apply_versions(job.profile, store, versions)
    written = materialise(job.profile, store, before, versions)
    best = build_bestsellers(job.profile, items=job.version_of("items"), events=job.find_version("events"))
    write_json(job.profile.features / "bestsellers.json", best)
    release = read_release(job.profile)
    write_json(state, {"release": release.name, "released_at": release.created_at.isoformat(), "versions": versions})
    prune_snapshots(job.profile, versions)
    return JobResult(summary={"release": release.name, "rows": written})


def read_state(path: Path) -> Mapping[str, Any]:
    """Return what the online store holds; an empty mapping before the first time."""
    found: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def materialise(profile: Profile, store: FeatureStore, before: Versions, after: Versions) -> dict[str, dict[str, int]]:
    """Write the difference between two sets of versions to the online store; return rows written and gone by view."""
    write_snapshots(profile, before)
    parts = [part for part in list_slices() if part.online]
    counts = {}
    for part in parts:
        rows, gone = changed_rows(profile, part, before, after)
        counts[part.name] = {"written": rows.num_rows, "gone": gone.num_rows}
        with progress(f"online: {part.name}", rows.num_rows + gone.num_rows, unit="rows") as advance:
            write_rows(store, part, rows, gone, advance)
    return counts
