"""Pins: the table versions that somebody still reads, and who. What is pinned stays on the disk."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goeswith import lake
from goeswith.leases import live_leases
from goeswith.model_contract import MANIFEST
from goeswith.profile import Profile
from goeswith.releases import Release, valid_releases

ONLINE_STATE = "online.json"
"""What the job ``materialise`` says that the online store holds; it compares those versions with the next."""
FEED_READERS = ("pair_ledger",)
"""Tables whose jobs go on from the versions that their last commit names: they read those again, and all changes after them."""


@dataclass(frozen=True, slots=True, order=True)
class Pin:
    """A version of a table that ``holder`` still reads."""

    table: str
    version: int
    holder: str


def read_pins(profile: Profile, keep_releases: int) -> list[Pin]:
    """Return the pins of kept releases, of models, of the online store and of running jobs, sorted."""
    held = [*_of_releases(profile, keep_releases), *_of_online_store(profile), *_of_jobs(profile)]
    return sorted({Pin(table, version, holder) for holder, versions in held for table, version in versions.items()})


def kept_releases(profile: Profile, keep: int) -> dict[str, Release]:
    """Return by holder the valid releases that stay: the newest ``keep``, and those that models were trained from."""
    valid = valid_releases(profile)
    named = {release.name: release for release in valid}
    newest = {f"release {release.name}": release for release in valid[-keep:]}
    models = {f"model {run}": named[release] for run, release in read_models(profile).items() if release in named}
    return {**newest, **models}


def read_models(profile: Profile, before: float | None = None) -> dict[str, str]:
    """Return run -> release of every model that lies here: the published one, and the exports, which can be published.

    ``before`` leaves out those that were made at that moment (in seconds since 1970) or later.
    """
    paths = [*sorted(profile.models.glob(f"*/export/{MANIFEST}")), profile.model_repository / MANIFEST]
    there = (path for path in paths if path.exists() and (before is None or path.stat().st_mtime < before))
    return {manifest["run"]: manifest["release"] for manifest in map(_read_json, there)}


def served_release(profile: Profile) -> str | None:
    """Return the release that the served models were trained from, or None before the first were published."""
    path = profile.model_repository / MANIFEST
    return str(_read_json(path)["release"]) if path.exists() else None


def consumed_versions(profile: Profile) -> dict[str, int]:
    """Return, for each table whose changes a job goes on from, the oldest version that it goes on from."""
    oldest: dict[str, int] = {}
    for name in FEED_READERS:
        if lake.current_version(profile, name) is not None:
            for source, version in lake.last_metadata(profile, name).get("consumed", {}).items():
                oldest[source] = min(version, oldest.get(source, version))
    return oldest


def _of_releases(profile: Profile, keep: int) -> Iterator[tuple[str, Mapping[str, int]]]:
    for holder, release in kept_releases(profile, keep).items():
        yield holder, release.versions


def _of_online_store(profile: Profile) -> Iterator[tuple[str, Mapping[str, int]]]:
    path = profile.features / ONLINE_STATE
    if path.exists():
        state = _read_json(path)
        yield "online store", state.get("versions", {})
        for versions in state.get("under_way", []):
            yield "online store, under way", versions


def _of_jobs(profile: Profile) -> Iterator[tuple[str, Mapping[str, int]]]:
    for lease in live_leases(profile):
        if not lease.own:
            yield f"job {lease.job} of run {lease.run} ({lease.host}, pid {lease.pid})", lease.versions


def _read_json(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found
