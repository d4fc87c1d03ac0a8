"""Faults from outside: a full disk, a damaged file, another writer. Told from the error that a library raised because of them.

Libraries have no common tree of errors, and one from Java comes as text, its causes with it; so the text is what is looked at.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import gettempdir
from urllib.parse import unquote

from goeswith.errors import EnvironmentMissing, GoeswithError, SourceUnreadable, TableDamaged, WriteConflict
from goeswith.object_store import find_store_fault
from goeswith.profile import Profile

FULL = re.compile(r"No space left on device|Disk quota exceeded")
RIVAL = re.compile(r"io\.delta\.exceptions\.\w*(Concurrent|Changed)\w*|\[DELTA_(CONCURRENT|METADATA_CHANGED)\w*|Failed to commit transaction")
DAMAGED = re.compile(r"FAILED_READ_FILE|CANNOT_READ_FILE_FOOTER|ChecksumException|is not a Parquet file")
DAMAGED_LOG = re.compile(r"Json error|Expected contiguous commit files|Parquet error")
"""What delta-rs says of an entry that is no JSON, of one that is gone, and of a checkpoint."""
FILE = re.compile(r"(?:\w+:/+|(?<![\w=%.\-/])/)[\w=%.\-/]+\.(?:parquet|json)")
"""A file of a table or of its log, as a path or as Hadoop's URI."""
LOG = "/_delta_log/"


@contextmanager
def explain_faults(profile: Profile, doing: str) -> Iterator[None]:
    """Raise an error of our tree, with what to do, in the place of what a library raises because of a fault from outside.

    ``EnvironmentMissing`` for a full disk, ``TableDamaged`` or ``SourceUnreadable`` for a file that cannot be read, ``WriteConflict`` for
    another writer, ``StoreUnavailable`` for an object store that is away; any other error goes on as it is.
    """
    try:
        yield
    except GoeswithError:
        raise
    except Exception as error:
        found = find_fault(error, profile, doing)
        if found is None:
            raise
        raise found from error


def find_fault(error: BaseException, profile: Profile, doing: str) -> GoeswithError | None:
    """Return what an error says of a fault from outside, or None where it says nothing of one."""
    text = "\n".join(_texts(error))
    if FULL.search(text):
        return _full_disk(profile, doing)
    if RIVAL.search(text):
        return WriteConflict(f"{doing}: another process changed a table that it was writing", "run it again once the other has ended")
    return find_store_fault(text, profile) or (_damage(text, profile) if DAMAGED.search(text) else None)


def _texts(error: BaseException | None) -> Iterator[str]:
    """Yield the text of an error and of what caused it; Spark keeps the Java side's apart."""
    while error is not None:
        yield f"{error}\n{getattr(error, '_stackTrace', '')}"
        error = error.__cause__


def _full_disk(profile: Profile, doing: str) -> EnvironmentMissing:
    what = f"{doing}: no space is left on the disk of {profile.root}, or on that of temporary files, {gettempdir()}"
    return EnvironmentMissing(what, "make room and run it again: what it had not committed nobody sees, and what it had is not done twice")


def _damage(text: str, profile: Profile) -> GoeswithError | None:
    """Return which file of which table, or of a source, cannot be read; None where the text names none."""
    files = [_as_path(unquote(file)) for file in FILE.findall(text)]
    if not files:
        return None
    inside = [file for file in files if file.startswith(f"{profile.lake_uri}/")]
    if not inside:
        return SourceUnreadable(f"{files[0]} cannot be read", "bring the file again, and run it again")
    table = inside[0].removeprefix(f"{profile.lake_uri}/").split("/")[0]
    damaged = damaged_log if LOG in inside[0] else damaged_table
    return damaged(profile, table, f"its file {inside[0]} is damaged or gone")


def _as_path(file: str) -> str:
    """Return a file as the profile writes it: one on this machine as its path, any other as its URI."""
    return "/" + file.removeprefix("file:").lstrip("/") if file.startswith("file:") else file


def damaged_table(profile: Profile, table: str, why: str) -> TableDamaged:
    """Return the error that says how a table is mended: its file from a copy, or all of its rows from what they were made of."""
    empty = f"python -c 'from deltalake import DeltaTable; DeltaTable(\"{profile.lake_uri}/{table}\").delete()'"
    remedy = f"put the file back from a copy; without one, empty the table and run the DAG that writes it again, a source as a snapshot: {empty}"
    return TableDamaged(f"table {table!r} cannot be read: {why}", remedy)


def damaged_log(profile: Profile, table: str, why: str) -> TableDamaged:
    """Return the error that says how a table is mended whose log is damaged: nothing can be read or written by it any more."""
    away = f"move {profile.lake_uri}/{table} away"
    remedy = f"put the file back from a copy; without one, {away} and run the DAG that writes it, a source as a snapshot"
    return TableDamaged(f"the log of table {table!r} cannot be read: {why}", remedy)
