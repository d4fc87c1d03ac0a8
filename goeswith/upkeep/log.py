"""A table's log: what its commits name, checkpoints, and the end of what nobody reads."""

import json
from urllib.parse import unquote

from goeswith import lake
from goeswith.profile import Profile
from goeswith.upkeep.stored import LOG, StoredFile, delete_files, list_files, read_text

CHECKPOINT_EVERY = 10
"""Commits after which the log is summed up again: Spark's own default."""


def live_files(profile: Profile, name: str, version: int) -> set[str]:
    """Return the paths of the files that hold a version's rows. Raises ``VersionMissing``."""
    actions = lake.open_table(profile, name, version).get_add_actions(flatten=True)
    return {unquote(path) for path in actions.column("path").to_pylist()}


def files_named_since(profile: Profile, name: str, version: int) -> set[str]:
    """Return the paths that the commits after ``version`` name: added, removed and change files. Their change feed needs all of these."""
    commits = [file for file in list_files(profile, name) if file.path.endswith(".json") and (file.log_version or 0) > version]
    lines = (line for file in commits for line in read_text(profile, name, file.path).splitlines())
    actions = (action for line in lines for kind, action in json.loads(line).items() if kind in ("add", "remove", "cdc"))
    return {unquote(action["path"]) for action in actions}


def write_checkpoint(profile: Profile, name: str, version: int) -> None:
    """Sum up the log at a version, so that nothing before it is needed to read it."""
    lake.open_table(profile, name, version).create_checkpoint()
    checksum = f"{LOG}/._last_checkpoint.crc"  # Hadoop's, of what stood in the file before
    if any(file.path == checksum for file in list_files(profile, name)):
        delete_files(profile, name, [checksum])


def checkpoint_if_due(profile: Profile, name: str) -> bool:
    """Write a checkpoint of the newest version where the last one is ``CHECKPOINT_EVERY`` commits ago; return whether it did."""
    head = lake.open_table(profile, name).version()
    due = head - max(_checkpoints(list_files(profile, name)), default=-1) > CHECKPOINT_EVERY
    if due:
        write_checkpoint(profile, name, head)
    return due


def log_before(files: list[StoredFile], version: int) -> list[StoredFile]:
    """Return the log files about versions before ``version``."""
    return [file for file in files if file.log_version is not None and file.log_version < version]


def cut_log(profile: Profile, name: str, version: int) -> list[StoredFile]:
    """Remove the log before ``version``, which becomes the oldest that can be read; return what was removed."""
    files = list_files(profile, name)
    old = log_before(files, version)
    if old:
        if version not in _checkpoints(files):
            write_checkpoint(profile, name, version)
        delete_files(profile, name, (file.path for file in sorted(old, key=_oldest_first)))
    return old


def _oldest_first(file: StoredFile) -> tuple[int, str]:
    """Cut short anywhere, the rest of the log has no hole."""
    return file.log_version or 0, file.path


def _checkpoints(files: list[StoredFile]) -> set[int]:
    return {file.log_version or 0 for file in files if file.path.endswith(".checkpoint.parquet") and file.in_log}
