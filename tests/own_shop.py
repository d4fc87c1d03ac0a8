"""A shop of one's own: JSON lines and a mapping in a folder, and ingest run over them as a job."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from goeswith import lake
from goeswith.jobs import JobResult, JobRun
from goeswith.profile import Profile
from spark_jobs import ingest

ITEMS = ("item_id", "title", "price", "known_at")
EVENTS = ("event_id", "basket_id", "user_id", "item_id", "kind", "quantity", "happened_at", "recorded_at", "cancelled")
Row = dict[str, Any]


def write_shop(folder: Path, items: Sequence[Row], events: Sequence[Row] = ()) -> Path:
    """Write a folder that the source ``files`` reads; every column is there, null where a row says nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    tables = {"items": (ITEMS, items), "events": (EVENTS, events)}
    told = {name: (columns, rows) for name, (columns, rows) in tables.items() if rows}
    for name, (columns, rows) in told.items():
        lines = [json.dumps({**dict.fromkeys(columns), **row}) for row in rows]
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    mapping = {
        name: {"file": f"{name}.jsonl", "format": "jsonl", "columns": {column: column for column in columns}} for name, (columns, _) in told.items()
    }
    (folder / "mapping.yaml").write_text(yaml.safe_dump(mapping), encoding="utf-8")
    return folder


def take_in(profile: Profile, folder: Path, *, mode: str = "increment", run: str = "r", **params: Any) -> JobResult:
    """Run the job ``ingest`` over a folder."""
    return ingest.run(JobRun(profile=profile, run_id=run, params={"source": "files", "data": str(folder), "mode": mode, **params}))


def replay(profile: Profile, **params: Any) -> JobResult:
    """Run the job ``ingest`` over its quarantine."""
    return ingest.run(JobRun(profile=profile, run_id="replay", params={"mode": "replay", **params}))


def content(profile: Profile, name: str, *columns: str) -> list[tuple[Any, ...]]:
    """Return the rows of a table, sorted, in some columns."""
    return sorted((tuple(row.values()) for row in lake.read_table(profile, name, columns=columns).to_pylist()), key=repr)
