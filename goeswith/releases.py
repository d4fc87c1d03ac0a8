"""Releases: one atomic commit that names a consistent version of every table. All readers start here."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa

from goeswith import lake
from goeswith.catalogue import Writer, find_table
from goeswith.errors import VersionMissing
from goeswith.profile import Profile


@dataclass(frozen=True, slots=True)
class Release:
    """A released set: ``versions`` maps each table to the version that readers use."""

    name: str
    versions: Mapping[str, int]
    created_at: datetime

    def version_of(self, table: str) -> int:
        """Return the released version of a table. Raises ``VersionMissing``."""
        try:
            return self.versions[table]
        except KeyError:
            raise VersionMissing(f"release {self.name!r} names no version of {table!r}", "run the DAG that writes it") from None


def read_releases(profile: Profile) -> list[Release]:
    """Return all releases, oldest first; none where nothing was released yet."""
    if lake.current_version(profile, "releases") is None:
        return []
    rows = lake.read_table(profile, "releases").to_pylist()
    found = [Release(r["release"], {v["table"]: v["version"] for v in r["versions"]}, r["created_at"]) for r in rows]
    return sorted(found, key=lambda release: release.created_at)


def read_release(profile: Profile, name: str | None = None) -> Release:
    """Return a release by name, or the newest. Raises ``VersionMissing``."""
    found = [r for r in read_releases(profile) if name in (None, r.name)]
    if not found:
        raise VersionMissing(f"there is no release {name!r}" if name else "nothing was released yet", "run: goeswith run ingest")
    return found[-1]


def released_versions(profile: Profile) -> dict[str, int]:
    """Return the versions of the newest release, or an empty mapping before the first."""
    found = read_releases(profile)
    return dict(found[-1].versions) if found else {}


def write_release(profile: Profile, name: str, versions: Mapping[str, int]) -> Release:
    """Release ``versions`` on top of the newest release's. Releasing the same run again changes nothing.

    Raises ``VersionMissing`` where a version that is to be released does not exist.
    """
    merged = {**released_versions(profile), **versions}
    for table, version in merged.items():
        lake.open_table(profile, table, version)
    known = {release.name: release for release in read_releases(profile)}
    if name in known and dict(known[name].versions) == merged:
        return known[name]
    release = Release(name, merged, datetime.now(UTC))
    lake.write_table(profile, "releases", _as_row(release), writer=Writer.KERNEL)
    return release


def _as_row(release: Release) -> pa.Table:
    versions = [{"table": table, "version": version} for table, version in sorted(release.versions.items())]
    row = {"release": release.name, "versions": versions, "created_at": release.created_at}
    return pa.Table.from_pylist([row], schema=find_table("releases").schema)
