"""The rows of ``gate_results`` that keep what a gate saw."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from goeswith import lake
from goeswith.catalogue import Writer, find_table
from goeswith.profile import Profile
from spark_jobs.gates.outcome import Report


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
