"""The contract between a source and ingest: raw frames, exactly as they came, and what the source lacks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import types as T

from goeswith.errors import ConfigError, SourceUnreadable

LACKS = ("users", "times", "views", "pictures", "titles", "prices", "events", "bundles", "brands", "categories")
"""What a source may lack: every later step says what it therefore skipped."""

ROW = "_row"
PROBLEM = "_problem"
ROW_INCOMPLETE = "row_incomplete"
TEXT_NOT_UTF8 = "text_not_utf8"

PICTURES = T.StructType(
    [
        T.StructField("item_id", T.StringType()),
        T.StructField("reference", T.StringType()),
        T.StructField("content", T.BinaryType()),
    ]
)
"""One picture of an item: its name in the source, and its bytes; null bytes where the named file is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawTables:
    r"""What a source read, unparsed. None stands for a table that the source lacks.

    ``items``, ``events``, ``bundles`` and ``declared_relations`` hold the catalogue's column names for those columns that the
    source has (others are absent). Scalar columns are strings exactly as they came (price text, times as ISO text or as epoch
    seconds); ``category`` is array<string>, ``attributes`` array<struct<name, value>>; ``user_id`` is the source's own, unhashed.
    ``_row`` is the row as it came, as JSON text; a user id stands in it under the key ``user_id`` only. ``_problem`` is null,
    or ``row_incomplete`` (too few or too many columns, as in a file cut in the middle), or ``text_not_utf8`` (undecodable bytes,
    which stand in the row as ``\xNN``). ``pictures`` has the schema ``PICTURES``. ``columns`` tells the columns and types of each
    table's file where the source wants them remembered (``spark_jobs.sources.seen``).
    """

    items: DataFrame
    events: DataFrame | None = None
    bundles: DataFrame | None = None
    declared_relations: DataFrame | None = None
    pictures: DataFrame | None = None
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


class Source(Protocol):
    """Somewhere that a shop's data comes from."""

    @property
    def name(self) -> str:
        """The name by which ``--source`` asks for it."""

    @property
    def lacks(self) -> tuple[str, ...]:
        """What it does not have, out of ``LACKS``."""

    def read(self, spark: SparkSession) -> RawTables:
        """Return lazy frames. Raises ``SourceUnreadable`` for a missing file or column."""


def require_folder(source: str, data: Path | None) -> Path:
    """Return the folder of a source that cannot do without one."""
    if data is None:
        raise ConfigError(f"source {source!r} reads a folder and none was given", "name it with --data DIR")
    if not data.is_dir():
        raise SourceUnreadable(f"{data} is no folder", f"name the folder of source {source!r} with --data DIR")
    return data


def require_file(path: Path) -> Path:
    """Return a path that exists (a file, or a folder of part files). Raises ``SourceUnreadable``."""
    if not path.exists():
        there = ", ".join(sorted(p.name for p in path.parent.glob("*"))[:12]) if path.parent.is_dir() else "no such folder"
        raise SourceUnreadable(f"there is no file {path}", f"found beside it: {there or 'nothing'}")
    return path


def require_columns(path: Path, found: list[str], wanted: Mapping[str, str]) -> None:
    """Raise ``SourceUnreadable`` for the first wanted column (catalogue name -> the file's own name) that a file lacks."""
    for name, column in wanted.items():
        if column not in found:
            raise SourceUnreadable(f"{path} has no column {column!r} (for {name})", f"columns found: {', '.join(found)}")
