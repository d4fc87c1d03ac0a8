"""Job ``take_feedback``: bring the events that wait in segments into ``feedback`` and the quarantine, and hand clicks and purchases on to ``events``.

It starts no JVM. A segment is removed last: killed anywhere and run again, the same rows stand and the same sums come out, for the rows
that a segment brought say so.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import pyarrow as pa
from pydantic import Field
from pydantic.dataclasses import dataclass as config_dataclass

from goeswith import lake
from goeswith.catalogue import Writer, find_table
from goeswith.config import STRICT, parse_config
from goeswith.feedback import EVENT_COLUMNS, EVENTS, HASH_MARK, SOURCE, stream_folder
from goeswith.feedback.reading import Line, read_segment
from goeswith.feedback.segments import close_segments, closed_segments, segments_folder
from goeswith.jobs import JobResult, JobRun
from goeswith.profile import Profile
from goeswith.results import write_atomically

TABLE = "feedback"
KINDS = {"click": "view", "purchase": "purchase"}
"""What an event of these kinds is in the table ``events``."""


@config_dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Config:
    """``events``: which kinds become rows of the table ``events``; leave out purchases where orders come by a source of their own.

    Their files are kept for ``keep_days``, so that the stream can be read anew.
    """

    events: tuple[Literal["click", "purchase"], ...] = ("click", "purchase")
    keep_days: Annotated[float, Field(ge=1)] = 30


@dataclass(frozen=True, slots=True)
class Account:
    """What became of a segment's rows: those that came are kept, quarantined, or duplicates of others."""

    rows_in: int
    kept: int
    quarantined: int

    @property
    def duplicates(self) -> int:
        """Return the rows that were known."""
        return self.rows_in - self.kept - self.quarantined


def run(job: JobRun) -> JobResult:
    """Close every segment, take each, and remove files of events that are too old."""
    config = parse_config(Config, job.params, where="job take_feedback")
    folder = segments_folder(job.profile)
    close_segments(folder)
    accounts = [take_segment(job.profile, path, config.events) for path in closed_segments(folder)]
    pruned = prune_stream(job.profile, timedelta(days=config.keep_days))
    return JobResult(summary={"segments": len(accounts), "rows": sum_up(accounts), "old_files": pruned})


def take_segment(profile: Profile, path: Path, kinds: Collection[str]) -> Account:
    """Bring a segment into the lake and remove it."""
    lines = list(read_segment(path))  # of bounded size
    refused = [line.refusal(SOURCE) for line in lines if line.rule]
    write_refused(profile, refused)
    lake.insert_rows(profile, TABLE, build_rows(lines), writer=Writer.SPARK)
    brought = lake.read_table(profile, TABLE, where={"segment": path.stem})
    write_events(profile, path.name, [row for row in brought.to_pylist() if row["kind"] in kinds])
    path.unlink()
    return Account(len(lines), brought.num_rows, len(refused))


def build_rows(lines: Sequence[Line]) -> pa.Table:
    """Return what the sound lines say, the first of each key."""
    table = find_table(TABLE)
    rows: dict[tuple[str, ...], dict[str, Any]] = {}
    for line in lines:
        if not line.rule:
            rows.setdefault(tuple(line.row[column] for column in table.key), line.row)
    return pa.Table.from_pylist(list(rows.values()), schema=table.schema)


def write_refused(profile: Profile, refused: Sequence[Mapping[str, Any]]) -> None:
    """Add refused rows to the quarantine, each once however often its segment is taken."""
    if refused:
        kept = [f for f in find_table("quarantine").schema if f.name != "updated_at"]
        lake.write_table(profile, "quarantine", pa.Table.from_pylist(list(refused), schema=pa.schema(kept)), writer=Writer.SPARK)


def write_events(profile: Profile, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Lay what became of answers, as events of the shop, where the stream finds it: under one name once, and whole."""
    if rows:
        lines = "".join(f"{json.dumps(build_event(row))}\n" for row in rows)
        write_atomically(stream_folder(profile) / EVENTS / name, lines)


def build_event(row: Mapping[str, Any]) -> dict[str, str | None]:
    """Return a row as the stream reads it: text, and ids that say that they are hashes."""
    values = (
        row["event_id"],
        f"{HASH_MARK}{row['basket_id']}",
        f"{HASH_MARK}{row['unit']}",
        row["item_id"],
        KINDS[row["kind"]],
        str(row["quantity"] or 1),
        None if row["price"] is None else str(row["price"]),
        row["happened_at"].isoformat(),
    )
    return dict(zip(EVENT_COLUMNS, values, strict=True))


def prune_stream(profile: Profile, age: timedelta) -> int:
    """Remove files of events that were written longer ago; return how many."""
    edge = (datetime.now(UTC) - age).timestamp()
    old = [path for path in (stream_folder(profile) / EVENTS).glob("*.jsonl") if path.stat().st_mtime < edge]
    for path in old:
        path.unlink()
    return len(old)


def sum_up(accounts: Sequence[Account]) -> dict[str, int]:
    """Return the rows of all segments by what became of them."""
    found = {name: sum(asdict(account)[name] for account in accounts) for name in ("rows_in", "kept", "quarantined")}
    return {"in": found.pop("rows_in"), **found, "duplicates": sum(account.duplicates for account in accounts)}
