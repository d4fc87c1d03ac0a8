"""What a gate decides, and the rows of ``gate_results`` that keep what it saw."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import pyarrow as pa

from goeswith import lake
from goeswith.catalogue import Writer, find_table
from goeswith.profile import Profile
from spark_jobs.gates.check import Outcome

Decision = Literal["pass", "stop", "crashed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that one gate saw of one version of a table."""

    table: str
    version: int
    outcomes: tuple[Outcome, ...]

    @property
    def decision(self) -> Decision:
        """Crashed where any expectation could not be evaluated, stop where one that stops does not hold, else pass."""
        if any(outcome.crashed for outcome in self.outcomes):
            return "crashed"
        return "stop" if any(not outcome.success and outcome.severity == "stop" for outcome in self.outcomes) else "pass"

    @property
    def failed(self) -> list[Outcome]:
        """What does not hold, warnings included, the gravest first."""
        broken = [outcome for outcome in self.outcomes if not outcome.success]
        return sorted(broken, key=lambda outcome: (not outcome.crashed, outcome.severity != "stop"))

    def summary(self) -> dict[str, Any]:
        """Return what people and reports read of it."""
        failed = [{"expectation": o.expectation, "severity": o.severity, "unexpected": o.unexpected, "sample": o.sample} for o in self.failed]
        return {"version": self.version, "decision": self.decision, "expectations": len(self.outcomes), "failed": failed}


def write_report(profile: Profile, run_id: str, report: Report) -> None:
    """Keep a report in ``gate_results``; one that says the same again for the same run and version writes nothing."""
    rows = build_rows(run_id, report)
    if _facts(rows) != _facts(_read_rows(profile, run_id, report)):
        scope = {"run": run_id, "table": report.table, "version": str(report.version)}
        lake.write_table(profile, "gate_results", rows, writer=Writer.KERNEL, replace=scope, consumed={report.table: report.version})


def build_rows(run_id: str, report: Report) -> pa.Table:
    """Return one row an expectation, each with the decision on the whole version."""
    common = {"run": run_id, "table": report.table, "version": report.version, "decision": report.decision, "checked_at": datetime.now(UTC)}
    rows = [{**common, **{name: getattr(outcome, name) for name in _OUTCOME}} for outcome in report.outcomes]
    return pa.Table.from_pylist(rows, schema=find_table("gate_results").schema)


_OUTCOME = ("expectation", "success", "severity", "observed", "unexpected", "sample")


def _read_rows(profile: Profile, run_id: str, report: Report) -> pa.Table:
    lake.create_table(profile, "gate_results")
    rows = lake.read_table(profile, "gate_results", where={"run": run_id, "table": report.table})
    return rows.filter(pa.compute.equal(rows["version"], report.version))


def _facts(rows: pa.Table) -> list[dict[str, Any]]:
    facts: Sequence[dict[str, Any]] = rows.drop_columns(["checked_at"]).to_pylist()
    return sorted(facts, key=lambda row: str(row["expectation"]))
