"""Whether the lake's object store keeps two writers apart: tried, for a store that ignores the condition of a write says nothing of it."""

from secrets import token_hex

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError
from pyarrow.fs import FileSelector, FileType

from goeswith.faults import explain_faults
from goeswith.object_store import open_files, storage_options
from goeswith.profile import Profile

ROWS = pa.table({"probe": [1]})


def refuses_second(profile: Profile) -> bool:
    """Return whether the second of two commits of one version is refused; what was written for it is removed again.

    Raises ``StoreUnavailable``, ``EnvironmentMissing`` or ``ConfigError`` where the store is away, refuses access, or lacks the bucket.
    """
    uri = f"{profile.lake_uri}/_probe-{token_hex(4)}"
    with explain_faults(profile, "looking at the object store"):
        try:
            return _race(uri, storage_options(profile))
        finally:
            _remove(profile, uri)


def _race(uri: str, options: dict[str, str] | None) -> bool:
    write_deltalake(uri, ROWS, storage_options=options)
    first, second = (DeltaTable(uri, storage_options=options) for _ in range(2))
    at_once = CommitProperties(max_commit_retries=0)
    write_deltalake(first, ROWS, mode="append", commit_properties=at_once)
    try:
        write_deltalake(second, ROWS, mode="append", commit_properties=at_once)
    except CommitFailedError:
        return True
    return False


def _remove(profile: Profile, uri: str) -> None:
    files = open_files(profile, uri)
    for info in files.get_file_info(FileSelector("", recursive=True, allow_not_found=True)):
        if info.type == FileType.File:
            files.delete_file(info.path)
