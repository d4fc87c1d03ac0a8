"""What gates decided, read from ``gate_results``: one record a gate, with what did not hold and who let it pass."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from goeswith import lake
from goeswith.overrides import read_overrides
from goeswith.profile import Profile

PASSED = ("pass", "overridden")
"""Decisions after which a version may be released."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """An expectation that did not hold. ``sample`` holds rows that broke it; ``author`` and ``reason`` say who let it pass, and why."""

    expectation: str
    severity: str
    observed: Mapping[str, Any]
    unexpected: int | None
    sample: Sequence[Any]
    author: str | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRecord:
    """One gate: a run's look at one version of a table."""

    run: str
    table: str
    version: int
    decision: str
    checked_at: datetime
    expectations: int
    failed: tuple[Failed, ...]


def read_history(profile: Profile, *, table: str | None = None, run: str | None = None) -> list[GateRecord]:
    """Return the gates of a table and of a run, or of all, the newest first."""
    if lake.current_version(profile, "gate_results") is None:
        return []
    where = {column: value for column, value in (("table", table), ("run", run)) if value is not None}
    rows = sorted(lake.read_table(profile, "gate_results", where=where).to_pylist(), key=_gate)
    permits = {(o.used_run, o.table, o.used_version, o.expectation): (o.author, o.reason) for o in read_overrides(profile, table)}
    records = [_record(list(group), permits) for _, group in groupby(rows, key=_gate)]
    return sorted(records, key=lambda record: record.checked_at, reverse=True)


def find_decision(profile: Profile, table: str, version: int) -> str | None:
    """Return what the last gate of a version decided, or None where none looked at it."""
    return next((record.decision for record in read_history(profile, table=table) if record.version == version), None)


def _gate(row: Mapping[str, Any]) -> tuple[str, str, int]:
    return row["run"], row["table"], row["version"]


def _record(rows: Sequence[Mapping[str, Any]], permits: Mapping[Any, tuple[str, str]]) -> GateRecord:
    run, table, version = _gate(rows[0])
    broken = sorted((row for row in rows if not row["success"]), key=lambda row: (row["severity"], row["expectation"]))
    failed = tuple(_failed(row, permits.get((run, table, version, row["expectation"]), (None, None))) for row in broken)
    facts = {"decision": rows[0]["decision"], "checked_at": rows[0]["checked_at"], "expectations": len(rows)}
    return GateRecord(run=run, table=table, version=version, failed=failed, **facts)


def _failed(row: Mapping[str, Any], permit: tuple[str | None, str | None]) -> Failed:
    facts = {name: row[name] for name in ("expectation", "severity", "unexpected")}
    observed, sample = json.loads(row["observed"] or "{}"), json.loads(row["sample"] or "[]")
    return Failed(**facts, observed=observed, sample=sample, author=permit[0], reason=permit[1])
