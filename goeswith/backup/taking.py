"""Backing up: a copy that is consistent however many jobs run meanwhile, and that counts only once it is whole."""

import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from pyarrow.fs import FileSystem

from goeswith import lake
from goeswith.backup.copies import HOME, LAKE, Backup, copy_file, copy_stream, list_tree
from goeswith.catalogue import TABLES
from goeswith.erasure.state import require_none_pending
from goeswith.errors import ConfigError
from goeswith.leases import hold_upkeep
from goeswith.profile import Profile
from goeswith.progress import progress
from goeswith.upkeep.stored import StoredFile, list_files, open_folder

BEFORE = ("streams", "feedback", "sources/seen", "models", "model_repository")
"""Copied before the tables: what was taken in by then is taken in again, which changes nothing, and of a model's release the tables know."""
AFTER = (
    "pictures",
    "truth",
    "runs",
    "promotions",
    "erasures",
    "audits",
    "results",
    "values",
    "keys.json",
    "features/rules.json",
    "features/experiments.json",
)
"""Copied after the tables: a picture stands before the row that names it. The rest of ``features`` is made from the tables."""
HINT = "_last_checkpoint"


def take_backup(profile: Profile, target: Path) -> Backup:
    """Copy all that this deployment cannot make again to a new folder, and return what was copied.

    Upkeep and erasure wait meanwhile: no file that a copied log names goes away. Raises ``ConfigError`` where the folder exists,
    ``UpkeepRefused`` where upkeep or an erasure is under way.
    """
    if target.exists():
        raise ConfigError(f"{target} exists", "name a folder that does not: a backup is never written over another")
    if target.resolve().is_relative_to(profile.root):
        raise ConfigError(f"{target} lies in the home that is backed up", "name a folder on another disk")
    beside = target.with_name(f".{target.name}.part")
    shutil.rmtree(beside, ignore_errors=True)  # of a backup that was cut short
    require_none_pending(profile)
    with hold_upkeep(profile):
        backup = _copy_all(profile, beside)
    backup.write(beside)
    beside.rename(target)
    return backup


def _copy_all(profile: Profile, folder: Path) -> Backup:
    started = datetime.now(UTC).isoformat()
    files, empty = _copy_home(profile, folder, BEFORE)
    there = [name for name in _tables_first_to_last() if lake.current_version(profile, name) is not None]
    versions = {}
    with progress("back up", len(there), unit="tables") as advance:
        for name in there:
            versions[name], copied = _copy_table(profile, name, folder)
            files |= copied
            advance(1, name)
    later, more = _copy_home(profile, folder, AFTER)
    return Backup(created_at=started, versions=versions, files=files | later, folders=(*empty, *more))


def _tables_first_to_last() -> Iterator[str]:
    """Yield ``releases`` first and what tables were made from last: whatever version a copied table names, the copy of the other has it."""
    yield "releases"
    yield from (name for name in reversed(TABLES) if name != "releases")


def _copy_table(profile: Profile, name: str, folder: Path) -> tuple[int, dict[str, str]]:
    """Copy a table's log as it stands now, then its other files: they never change, so all that this log names is there."""
    source, version = open_folder(profile, name), lake.open_table(profile, name).version()
    log = [file for file in list_files(profile, name) if _of_log(file, version)]
    copied = _copy_files(source, log, folder, name)
    rest = [file for file in list_files(profile, name) if not file.in_log]
    return version, copied | _copy_files(source, rest, folder, name)


def _of_log(file: StoredFile, version: int) -> bool:
    """Whether a file belongs to the log up to a version. The hint where the last checkpoint is may be newer, and a log is read without it."""
    return file.in_log and file.log_version is not None and file.log_version <= version and HINT not in file.path


def _copy_files(source: FileSystem, files: Sequence[StoredFile], folder: Path, name: str) -> dict[str, str]:
    found = {}
    for file in files:
        path = f"{LAKE}/{name}/{file.path}"
        with source.open_input_stream(file.path) as stream:
            found[path] = copy_stream(stream, folder / path)
    return found


def _copy_home(profile: Profile, folder: Path, parts: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Copy parts of the home; return their hashes, and the folders that are empty: an ensemble's versions are."""
    files, empty = {}, []
    for below, path in (found for part in parts for found in list_tree(profile.root, profile.root / part)):
        if path.is_dir():
            empty.append(f"{HOME}/{below}")
            continue
        try:
            files[f"{HOME}/{below}"] = copy_file(path, folder / HOME / below)
        except FileNotFoundError:  # taken in, or replaced by a newer checkpoint, while we looked
            continue
    return files, empty
