"""The job ``materialise``: bring the online store to the released versions."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from secrets import token_hex
from typing import Any

from feast import FeatureStore
from feast.infra.provider import get_provider
from pydantic.dataclasses import dataclass

from feature_repo.bestsellers import build_bestsellers
from feature_repo.jobs.apply import viewed_versions
from feature_repo.mark import read_mark, write_mark
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
"""What the online store with this ``mark`` holds: release, its time, table versions. Written last, read by the client for ages and versions."""


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Config:
    """The online store follows the released versions: nothing to choose."""


def run(job: JobRun) -> JobResult:
    """Write what changed since the versions that the online store holds, then say so in its state file."""
    parse_config(Config, job.params, where="job materialise")
    release = read_release(job.profile)
    job = replace(job, versions=release.versions)  # not those that it was given: while it waited its turn, another may have gone further
    versions = viewed_versions(job)
    store, path = open_store(job.profile), job.profile.features / STATE
    apply_versions(job.profile, store, versions)
    state = known_state(store, path)
    write_json(path, {**state, "under_way": [*state.get("under_way", []), versions]})
    written = materialise(job.profile, store, held_versions(state), versions)
    best = build_bestsellers(job.profile, items=job.version_of("items"), events=job.find_version("events"))
    write_json(job.profile.features / "bestsellers.json", best)
    said = {"release": release.name, "released_at": release.created_at.isoformat(), "versions": versions}
    write_json(path, {**said, "mark": state["mark"]})
    prune_snapshots(job.profile, versions)
    return JobResult(summary={"release": release.name, "rows": written})


def known_state(store: FeatureStore, path: Path) -> Mapping[str, Any]:
    """Return what the state file says of this very store. One that it does not know is marked, and holds nothing yet."""
    state, mark = read_state(path), read_mark(store)
    if mark is not None and state.get("mark") == mark:
        return state
    fresh = token_hex(8)
    write_mark(store, fresh)
    return {**{name: state[name] for name in ("release", "released_at") if name in state}, "mark": fresh}


def read_state(path: Path) -> Mapping[str, Any]:
    """Return what the state file says; an empty mapping before the first time."""
    found: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def held_versions(state: Mapping[str, Any]) -> list[Versions]:
    """Return the versions whose rows may stand in the online store: the last complete ones, and those of runs that were killed."""
    return [state.get("versions", {}), *state.get("under_way", [])]


def materialise(profile: Profile, store: FeatureStore, held: Sequence[Versions], after: Versions) -> dict[str, dict[str, int]]:
    """Write what differs between any of the versions held and ``after``; return rows written and gone by view."""
    counts = {part.name: {"written": 0, "gone": 0} for part in list_slices() if part.online}
    provider = get_provider(store.config)
    for before in held:
        write_snapshots(profile, before)
        for part in (part for part in list_slices() if part.online):
            rows, gone = changed_rows(profile, part, before, after)
            counts[part.name]["written"] += rows.num_rows
            counts[part.name]["gone"] += gone.num_rows
            with progress(f"online: {part.name}", rows.num_rows + gone.num_rows, unit="rows") as advance:
                write_rows(provider, store.get_feature_view(part.name), part, rows, gone, advance)
    return counts
