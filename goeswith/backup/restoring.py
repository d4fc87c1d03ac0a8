"""Restoring: the home and the lake from a backup, into places that hold nothing yet."""

from collections.abc import Iterable
from pathlib import Path

from pyarrow.fs import FileSelector, FileType

from goeswith.backup.copies import HOME, LAKE, Backup, check_backup, copy_file, read_backup
from goeswith.errors import ConfigError
from goeswith.leases import hold_upkeep
from goeswith.object_store import open_files, write_file
from goeswith.profile import Profile
from goeswith.progress import progress
from goeswith.results import write_atomically
from goeswith.upkeep.stored import LOG

MARK = ".restoring"
"""A file of the home: the backup that is being restored there. One that was cut short goes on with the same."""
RELEASES = f"{LAKE}/releases/{LOG}/"


def restore_backup(profile: Profile, source: Path) -> Backup:
    """Put everything of a backup into the profile's home and lake, every file checked before the first is copied.

    What releases name comes before the releases: cut short, nothing is released, and the same call goes on.
    Raises ``SourceUnreadable`` for a backup that is not whole or damaged, ``ConfigError`` where home or lake hold something already.
    """
    backup = read_backup(source)
    check_backup(source, backup)
    _require_empty(profile, backup)
    write_atomically(profile.root / MARK, backup.name)
    with hold_upkeep(profile):
        for folder in backup.folders:
            (profile.root / folder.removeprefix(f"{HOME}/")).mkdir(parents=True, exist_ok=True)
        with progress("restore", len(backup.files), unit="files") as advance:
            for path in in_order(backup.files):
                _put(profile, source, path)
                advance(1, path)
    (profile.root / MARK).unlink()
    return backup


def in_order(paths: Iterable[str]) -> list[str]:
    """Return paths so that nothing comes before what it names: data, then logs from their first entry on, the releases' at last."""
    return sorted(paths, key=lambda path: (path.startswith(RELEASES), f"/{LOG}/" in path, path))


def _require_empty(profile: Profile, backup: Backup) -> None:
    mark = profile.root / MARK
    if mark.exists() and mark.read_text(encoding="utf-8") == backup.name:
        return
    files = open_files(profile, profile.lake_uri).get_file_info(FileSelector("", recursive=True, allow_not_found=True))
    taken = [profile.lake_uri] if any(info.type == FileType.File for info in files) else []
    parts = {path.split("/")[1] for path in backup.files if path.startswith(f"{HOME}/")}
    taken += [str(profile.root / part) for part in sorted(parts) if _holds_files(profile.root / part)]
    if taken:
        raise ConfigError(f"{taken[0]} holds something already", "restore into an empty home and lake: move away what is there")


def _holds_files(path: Path) -> bool:
    return path.is_file() or any(found.is_file() for found in path.rglob("*"))


def _put(profile: Profile, source: Path, path: str) -> None:
    place, _, below = path.partition("/")
    if place == HOME:
        copy_file(source / path, profile.root / below)
    elif profile.on_s3:
        write_file(profile, below, source / path)
    else:
        copy_file(source / path, Path(profile.lake_uri) / below)
