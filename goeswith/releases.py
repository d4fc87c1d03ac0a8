"""Releases: one atomic commit that names a consistent version of every table. All readers start here."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from goeswith import lake
from goeswith.catalogue import Writer, find_table
from goeswith.errors import VersionMissing
from goeswith.profile import Profile

REMEDY = "read a newer one, or run the DAGs again: goeswith run ingest"


@dataclass(frozen=True, slots=True)
class Release:
    """A released set: ``versions`` maps each table to the version that readers use.

    ``invalid_since`` says from when on nobody may read it (None: it may be read), ``invalid_reason`` why. ``reason`` says why its run was
    started, where that was said.
    """

    name: str
    versions: Mapping[str, int]
    created_at: datetime
    invalid_since: datetime | None = None
    invalid_reason: str | None = None
    reason: str | None = None

    @property
    def valid(self) -> bool:
        """Whether it may be read."""
        return self.invalid_since is None

    def version_of(self, table: str) -> int:
        """Return the released version of a table. Raises ``VersionMissing``."""
        try:
            return self.versions[table]
        except KeyError:
            raise VersionMissing(f"release {self.name!r} names no version of {table!r}", "run the DAG that writes it") from None


def read_releases(profile: Profile) -> list[Release]:
    """Return all releases, oldest first, invalid ones too; none where nothing was released yet."""
    if lake.current_version(profile, "releases") is None:
        return []
    found = [_from_row(row) for row in lake.read_table(profile, "releases").to_pylist()]
    return sorted(found, key=lambda release: release.created_at)


def valid_releases(profile: Profile) -> list[Release]:
    """Return the releases that may be read, oldest first."""
    return [release for release in read_releases(profile) if release.valid]


def read_release(profile: Profile, name: str | None = None) -> Release:
    """Return a release by name, or the newest that may be read. Raises ``VersionMissing``."""
    found = [r for r in read_releases(profile) if (r.valid if name is None else r.name == name)]
    if not found:
        raise VersionMissing(f"there is no release {name!r}" if name else "nothing was released yet", "run: goeswith run ingest")
    if not found[-1].valid:
        raise VersionMissing(f"release {name!r} is invalid since {found[-1].invalid_since:%Y-%m-%d %H:%M}: {found[-1].invalid_reason}", REMEDY)
    return found[-1]


def find_reason(profile: Profile, name: str) -> str | None:
    """Return why the run of a release was started; None where nobody said, or there is no such release."""
    return next((release.reason for release in read_releases(profile) if release.name == name), None)


def released_versions(profile: Profile) -> dict[str, int]:
    """Return the versions of the newest release that may be read, or an empty mapping where there is none."""
    found = valid_releases(profile)
    return dict(found[-1].versions) if found else {}


def write_release(profile: Profile, name: str, versions: Mapping[str, int], *, alone: bool = False, reason: str | None = None) -> Release:
    """Release ``versions`` on top of the newest release's, or ``alone``. Releasing the same run again changes nothing.

    Raises ``VersionMissing`` where a version that is to be released does not exist.
    """
    merged = {**({} if alone else released_versions(profile)), **versions}
    for table, version in merged.items():
        lake.open_table(profile, table, version)
    known = {release.name: release for release in valid_releases(profile)}
    if name in known and dict(known[name].versions) == merged:
        return known[name]
    release = Release(name, merged, datetime.now(UTC), reason=reason)
    _write(profile, [release])
    return release


def invalidate_releases(profile: Profile, names: Iterable[str], reason: str) -> list[str]:
    """Let nobody read the named releases from now on; return those that could be read until now."""
    named, now = set(names), datetime.now(UTC)
    found = [replace(r, invalid_since=now, invalid_reason=reason) for r in valid_releases(profile) if r.name in named]
    if found:
        _write(profile, found)
    return [release.name for release in found]


def _write(profile: Profile, found: Iterable[Release]) -> None:
    rows = pa.Table.from_pylist([_as_row(release) for release in found], schema=find_table("releases").schema)
    lake.write_table(profile, "releases", rows, writer=Writer.KERNEL)


def _as_row(release: Release) -> dict[str, Any]:
    versions = [{"table": table, "version": version} for table, version in sorted(release.versions.items())]
    row = {"release": release.name, "versions": versions, "created_at": release.created_at}
    return {**row, "invalid_since": release.invalid_since, "invalid_reason": release.invalid_reason, "reason": release.reason}


def _from_row(row: Mapping[str, Any]) -> Release:
    versions = {entry["table"]: entry["version"] for entry in row["versions"]}
    return Release(row["release"], versions, row["created_at"], row["invalid_since"], row["invalid_reason"], row["reason"])
