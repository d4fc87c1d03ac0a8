"""A small lake whose tables have a history: what upkeep is tried on."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from goeswith import lake
from goeswith.catalogue import find_table
from goeswith.jobs import JobResult, JobRun
from goeswith.profile import Profile
from goeswith.results import write_json
from goeswith.upkeep import job

AT = datetime(2026, 1, 1, tzinfo=UTC)


def pair(src: str, dst: str, n: int, *, graph: str = "full", relation: str = "co_purchase") -> dict[str, Any]:
    return {"graph": graph, "relation": relation, "src": src, "dst": dst, "n": n, "known_at": AT}


def write_pairs(profile: Profile, *rows: dict[str, Any]) -> int:
    table = find_table("item_pairs")
    schema = pa.schema([field for field in table.schema if field.name != "updated_at"])
    return lake.write_table(profile, "item_pairs", pa.Table.from_pylist(rows, schema=schema), writer=table.writer)


def pairs_at(profile: Profile, version: int | None = None) -> dict[tuple[str, str], int]:
    rows = lake.read_table(profile, "item_pairs", version=version).to_pylist()
    return {(row["src"], row["dst"]): row["n"] for row in rows}


def maintain(profile: Profile, **params: Any) -> JobResult:
    """Maintain with no retention, so that only pins keep anything, unless ``params`` say else."""
    return job.run(JobRun(profile=profile, run_id="m", params={"retention_hours": 0, **params}))


def export_model(profile: Profile, run: str, release: str) -> None:
    write_json(profile.models / run / "export" / "manifest.json", {"run": run, "release": release})


def files_of(profile: Profile, name: str) -> dict[str, int]:
    folder = Path(lake.table_uri(profile, name))
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
