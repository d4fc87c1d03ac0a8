"""What the columns of a source's files were when they were last taken in, so that a change which breaks them stops with a diff.

It is remembered below the profile's home, not in a table: it describes the files, and changes where no row does. It is written
once the tables are, so a run that fails leaves what held before.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from goeswith.errors import DataContractError, SourceUnreadable
from goeswith.profile import Profile
from goeswith.results import write_json

Columns = Mapping[str, str]
"""Column of a file -> its type: 'text' in CSV, 'json' in JSON lines, Spark's name elsewhere."""
NESTED = ("array", "struct", "map", "binary")
BROKEN_SHARE, BROKEN_ROWS = 0.5, 20
"""More than half of the rows, and no mere handful, cannot be read: that is no dirt but another format."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The columns of one file, and the share of its rows that broke each rule of unreadable values."""

    columns: Columns
    unreadable: Mapping[str, float]


def seen_path(profile: Profile, source: str, table: str) -> Path:
    """Return where it is remembered what the file of a table was like."""
    return profile.root / "sources" / "seen" / f"{source}.{table}.json"


def read_seen(path: Path) -> Seen | None:
    """Return what was remembered, or None where the file was never taken in."""
    return Seen(**json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None


def write_seen(path: Path, columns: Columns, unreadable: Mapping[str, float]) -> Path:
    """Remember a file that was taken in."""
    return write_json(path, asdict(Seen(columns, unreadable)))


def diff_columns(before: Columns, now: Columns) -> str:
    """Return all columns by name, those that went with '-' before them and those that came with '+'; a type that changed is both."""
    lines = []
    for name in sorted({*before, *now}):
        if before.get(name) == now.get(name):
            lines.append(f"  {name} {now[name]}")
        else:
            lines += [f"{sign} {name} {columns[name]}" for sign, columns in (("-", before), ("+", now)) if name in columns]
    return "\n".join(lines)


def refuse_lost_columns(path: Path, file: Path, now: Columns, mapped: Mapping[str, str]) -> None:
    """Raise ``SourceUnreadable`` where a mapped column (catalogue name -> the file's own) went, or no longer holds single values."""
    seen = read_seen(path)
    if seen is None:
        return
    for name, column in mapped.items():
        was, is_now = seen.columns.get(column), now.get(column)
        if was is not None and (is_now is None or _is_nested(is_now) != _is_nested(was)):
            what = "is gone" if is_now is None else f"was {was} and is {is_now}"
            raise SourceUnreadable(f"{file}: column {column!r} (for {name}) {what}\n{diff_columns(seen.columns, now)}", _remedy(path))


def refuse_lost_values(path: Path, table: str, rows: int, now: Columns, unreadable: Mapping[str, int]) -> None:
    """Raise ``DataContractError`` where values that could be read last time cannot be any more; ``unreadable`` counts rows by rule."""
    seen = read_seen(path)
    if seen is None:
        return
    for rule, n in unreadable.items():
        if n >= BROKEN_ROWS and n > BROKEN_SHARE * rows and seen.unreadable.get(rule, 0.0) <= BROKEN_SHARE:
            told = f"{table}: {n:,} of {rows:,} rows break {rule}, and last time {seen.unreadable.get(rule, 0.0):.0%} did"
            raise DataContractError(f"{told}\n{diff_columns(seen.columns, now)}", _remedy(path))


def _is_nested(kind: str) -> bool:
    return kind.startswith(NESTED)


def _remedy(path: Path) -> str:
    return f"correct the file or the mapping; if the change is meant, delete {path} and run again"
