"""What gates say now: the last one of each table, and the last at which something did not hold."""

from datetime import datetime

from pydantic import BaseModel

from goeswith.gate_history import PASSED, Failed, GateRecord, read_history
from goeswith.profile import Profile

SHOWN_FAILURES = 10


class FailedExpectation(BaseModel):
    """An expectation that did not hold, in how many rows, and who let it pass."""

    expectation: str
    severity: str
    unexpected: int | None
    author: str | None
    reason: str | None


class Gate(BaseModel):
    """One gate's decision on one version of a table."""

    run: str
    table: str
    version: int
    decision: str
    checked_at: datetime
    expectations: int
    failed: tuple[FailedExpectation, ...]


class GateBoard(BaseModel):
    """How many tables passed their last gate and how many did not, these gates, and the last failures, the newest first."""

    passed: int
    refused: int
    tables: tuple[Gate, ...]
    failures: tuple[Gate, ...]


def read_board(profile: Profile) -> GateBoard:
    """Return the board from the history of gates."""
    history = read_history(profile)
    last: dict[str, GateRecord] = {}
    for record in history:
        last.setdefault(record.table, record)
    passed = sum(record.decision in PASSED for record in last.values())
    tables = tuple(_gate(last[name]) for name in sorted(last))
    failures = tuple(_gate(record) for record in [record for record in history if record.failed][:SHOWN_FAILURES])
    return GateBoard(passed=passed, refused=len(last) - passed, tables=tables, failures=failures)


def _gate(record: GateRecord) -> Gate:
    facts = {name: getattr(record, name) for name in ("run", "table", "version", "decision", "checked_at", "expectations")}
    return Gate(**facts, failed=tuple(map(_failed, record.failed)))


def _failed(failed: Failed) -> FailedExpectation:
    return FailedExpectation(**{name: getattr(failed, name) for name in FailedExpectation.model_fields})
