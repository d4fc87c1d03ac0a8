"""``/dashboard``: what is served and how well it stands: release, models, gates, freshness, coverage, figures."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from goeswith import lake
from goeswith.catalogue import find_table
from goeswith.metric_tables import metric_tables
from goeswith.profile import Profile
from goeswith.releases import Release
from goeswith.results import read_figures
from goeswith_client import Client, Health
from serving.gateway.coverage import Coverage, count_coverage
from serving.gateway.gate_board import GateBoard, read_board
from serving.gateway.newest import NewestRelease
from serving.rollout.manifest import Published, read_published

SHOWN_CHANGES = 10


class ReleasedTable(BaseModel):
    """A table of the release: when its rows were written, and how old they may be (None: as old as they like)."""

    table: str
    version: int
    written_at: datetime
    allowed_s: float | None


class Released(BaseModel):
    """The newest release and its tables."""

    name: str
    created_at: datetime
    tables: tuple[ReleasedTable, ...]
    coverage: Coverage


class Canary(BaseModel):
    """A version that takes a share of the requests."""

    run: str
    version: int
    share: float


class Change(BaseModel):
    """Something that happened to a version: who did what, when, and why."""

    at: datetime
    by: str
    what: str
    run: str
    version: int
    why: str


class Models(BaseModel):
    """The published models: their run, their version, the versions that can be gone back to, and the last changes, the newest first."""

    run: str
    version: int
    kept: tuple[int, ...]
    release: str
    precision: str
    names: tuple[str, ...]
    canary: Canary | None
    changes: tuple[Change, ...]


class Dashboard(BaseModel):
    """All of it; what was never made is None. ``metrics`` holds the tables that decide each task."""

    health: Health
    max_age_s: float
    release: Released | None
    models: Models | None
    gates: GateBoard
    metrics: tuple[dict[str, Any], ...]
    as_of: datetime


class Board:
    """Makes the dashboard; what a release holds never changes, so it is counted once a release."""

    def __init__(self, profile: Profile, client: Client, newest: NewestRelease) -> None:
        self._profile = profile
        self._client = client
        self._newest = newest
        self._held: Released | None = None

    def read(self) -> Dashboard:
        """Return the state of the deployment."""
        return Dashboard(
            health=self._client.health(),
            max_age_s=self._client.config.max_age.total_seconds(),
            release=self._released(),
            models=read_models(self._profile),
            gates=read_board(self._profile),
            metrics=deciding_tables(self._profile),
            as_of=datetime.now(UTC),
        )

    def _released(self) -> Released | None:
        release = self._newest.get()
        if release is None:
            return None
        if self._held is None or (self._held.name, self._held.created_at) != (release.name, release.created_at):
            self._held = describe_release(self._profile, release)
        return self._held


def describe_release(profile: Profile, release: Release) -> Released:
    """Return what a release holds."""
    tables = tuple(_table(profile, name, version) for name, version in sorted(release.versions.items()))
    return Released(name=release.name, created_at=release.created_at, tables=tables, coverage=count_coverage(profile, release))


def _table(profile: Profile, name: str, version: int) -> ReleasedTable:
    freshness = find_table(name).freshness
    allowed_s = freshness.total_seconds() if freshness else None
    return ReleasedTable(table=name, version=version, written_at=lake.written_at(profile, name, version), allowed_s=allowed_s)


def read_models(profile: Profile) -> Models | None:
    """Return the published models, or None before the first version."""
    found = read_published(profile.model_repository)
    if found is None:
        return None
    names, precision = tuple(spec.name for spec in found.current.models), found.current.precision
    changes = tuple(Change(**event.model_dump(include=set(Change.model_fields))) for event in reversed(found.history[-SHOWN_CHANGES:]))
    facts = {"run": found.run, "version": found.version, "kept": found.kept, "release": found.release, "precision": precision, "names": names}
    return Models(**facts, canary=_canary(found), changes=changes)


def _canary(found: Published) -> Canary | None:
    canary = found.canary
    return Canary(run=found.find(canary.version).run, version=canary.version, share=canary.share) if canary else None


def deciding_tables(profile: Profile) -> tuple[dict[str, Any], ...]:
    """Return the last evaluation's tables, those slices only that decide a task."""
    return tuple(table for table in metric_tables(asdict(figure) for figure in read_figures(profile, "metrics")) if table["main"])


def add_dashboard(app: FastAPI, board: Board) -> None:
    """Add the route."""

    @app.get("/dashboard")
    def dashboard() -> Dashboard:
        """Say what is served, how old it is, what gates and evaluation said of it, and how much of the catalogue it covers."""
        return board.read()
