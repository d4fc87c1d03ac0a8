"""Vacuum: remove the files that no version needs which is pinned, recent, or still to be consumed.

delta-rs' own ``vacuum(keep_versions=...)`` keeps the files of versions but not their change feed, and commits twice each time; Spark's
keeps by the clock alone. So the files to keep are computed here, from the log, and nothing is committed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from goeswith import lake
from goeswith.profile import Profile
from goeswith.upkeep.log import cut_log, files_named_since, live_files, log_before
from goeswith.upkeep.stored import StoredFile, delete_files, list_files


@dataclass(frozen=True, slots=True)
class Keep:
    """What stays of a table: ``versions``, and every version and change from ``since`` on; ``since`` is one of ``versions``."""

    versions: frozenset[int]
    since: int

    @property
    def oldest(self) -> int:
        """The oldest version that stays readable."""
        return min(self.versions)


def decide_keep(profile: Profile, name: str, pinned: Iterable[int], consumed: int | None, retention: timedelta) -> Keep:
    """Return what stays: what is pinned, what ``retention`` covers, and the changes after version ``consumed`` (None: nobody reads them)."""
    commits = lake.open_table(profile, name).history()
    known = [int(commit["version"]) for commit in commits]
    edge = datetime.now(UTC) - retention
    past = [int(commit["version"]) for commit in commits if datetime.fromtimestamp(commit["timestamp"] / 1000, UTC) <= edge]
    recent = max(past, default=min(known))
    since = max(min(recent, recent if consumed is None else consumed), min(known))
    return Keep(frozenset({*pinned, since, max(known)}), since)


def removable(profile: Profile, name: str, keep: Keep, retention: timedelta) -> list[StoredFile]:
    """Return the files of rows and changes that nothing of ``keep`` needs; a file younger than ``retention`` may belong to a commit to come."""
    needed = set(files_named_since(profile, name, keep.since))
    for version in keep.versions:
        needed |= live_files(profile, name, version)
    edge = datetime.now(UTC) - retention
    return [f for f in list_files(profile, name) if not f.in_log and f.owner not in needed and f.modified <= edge]


def vacuum(profile: Profile, name: str, keep: Keep, retention: timedelta) -> list[StoredFile]:
    """Remove what is removable, then the log before the oldest version that stays; return what was removed."""
    files = removable(profile, name, keep, retention)
    delete_files(profile, name, (file.path for file in files))
    return [*files, *cut_log(profile, name, keep.oldest)]


def would_vacuum(profile: Profile, name: str, keep: Keep, retention: timedelta) -> list[StoredFile]:
    """Return what ``vacuum`` would remove."""
    return [*removable(profile, name, keep, retention), *log_before(list_files(profile, name), keep.oldest)]
