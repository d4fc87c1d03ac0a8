"""What runs did and took, from the records that each step leaves: for ``goeswith runs``, and for the gauges of the last run."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from goeswith.errors import ConfigError
from goeswith.profile import Profile
from goeswith.records import FAILURES


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of one run. What it took is None where it failed, or where the record is older than the figure."""

    run: str
    step: str
    job: str
    ended_at: datetime
    error: str | None = None
    seconds: float | None = None
    cpu_seconds: float | None = None
    gpu_seconds: float | None = None
    rows: int | None = None
    tokens: int | None = None
    cost: float | None = None
    """In the currency that the judge's prices are in."""
    summary: Mapping[str, Any]


def last_runs(profile: Profile, number: int) -> list[str]:
    """Return the runs that began last, the newest first."""
    folders = [folder for folder in profile.runs.glob("*") if folder.is_dir()]
    return [folder.name for folder in sorted(folders, key=_began, reverse=True)[:number]]


def _began(folder: Path) -> tuple[float, str]:
    ends = [path.stat().st_mtime for path in folder.glob("*.json")]
    return min(ends, default=folder.stat().st_mtime), folder.name


def read_steps(profile: Profile, run: str) -> list[Step]:
    """Return the steps of a run in the order in which they ended. Raises ``ConfigError`` where there is no such run."""
    folder = profile.runs / run
    if folder.resolve().parent != profile.runs.resolve() or not folder.is_dir():
        raise ConfigError(f"there is no run {run!r}", "list them: goeswith runs")
    return sorted((*_done(folder), *_failed(folder)), key=lambda step: step.ended_at)


def _done(folder: Path) -> Iterator[Step]:
    for path in folder.glob("*.json"):
        record = json.loads(path.read_text(encoding="utf-8"))
        took = {name: record.get(name) for name in ("seconds", "cpu_seconds", "gpu_seconds", "rows")}
        summary = record["summary"]
        paid = {name: summary.get(name) for name in ("tokens", "cost")}
        yield Step(run=folder.name, step=path.stem, job=record["job"], ended_at=_ended_at(path), summary=summary, **took, **paid)


def _failed(folder: Path) -> Iterator[Step]:
    for path in (folder / FAILURES).glob("*.json"):
        failure = json.loads(path.read_text(encoding="utf-8"))
        yield Step(run=folder.name, step=path.stem, job=failure.get("job", path.stem), ended_at=_ended_at(path), error=failure["what"], summary={})


def _ended_at(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def last_steps(profile: Profile, runs: int) -> dict[str, Step]:
    """Return of each job, by its step's name, how it ended last in the newest ``runs`` runs."""
    newest: dict[str, Step] = {}
    for run in last_runs(profile, runs):
        for step in read_steps(profile, run):
            newest[step.step] = max(step, newest.get(step.step, step), key=lambda one: one.ended_at)
    return newest
