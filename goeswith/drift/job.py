"""The job ``watch_drift``: measure how far the shop is from what the served models were trained on, and say whether training is due.

It starts no JVM. What it measures it commits at once, and a run that has measured is done: killed before, it measures anew; run again, it says
what stands.
"""

import logging
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from goeswith import lake
from goeswith.catalogue import Writer, find_table
from goeswith.config import parse_config
from goeswith.drift.history import TABLE, read_run, reason_of
from goeswith.drift.limits import Config
from goeswith.drift.measuring import measure_all
from goeswith.drift.reference import Reference, find_reference
from goeswith.drift.signs import TABLES
from goeswith.drift.training import Decision, decide
from goeswith.drift.verdicts import Measure, judge
from goeswith.jobs import JobResult, JobRun

logger = logging.getLogger(__name__)


def run(job: JobRun) -> JobResult:
    """Measure, judge and commit, unless this run has. The summary counts the verdicts and names the training that is asked for."""
    config = parse_config(Config, job.params, where="job watch_drift")
    stands = read_run(job.profile, job.run_id)
    if stands:
        return JobResult(summary={**_summary(stands), "unchanged": True})
    rows, decision = build_rows(job, config, now())
    if rows:
        write_rows(job, rows)
    return JobResult(summary={**_summary(read_run(job.profile, job.run_id)), "why_not": decision.why_not})


def now() -> datetime:
    """Return the moment of a measurement."""
    return datetime.now(UTC)


def build_rows(job: JobRun, config: Config, at: datetime) -> tuple[list[dict[str, Any]], Decision]:
    """Return the rows of a measurement at a moment, and what follows from them."""
    reference = find_reference(job.profile)
    current = {table: version for table in {*TABLES.values()} if (version := job.find_version(table)) is not None}
    measures = list(measure_all(job.profile, reference.release if reference else None, current, at, config))
    decision = _decide(job, measures, reference, at, config)
    return [_row(job.run_id, at, measure, config, decision.training) for measure in measures], decision


def write_rows(job: JobRun, rows: Sequence[dict[str, Any]]) -> int:
    """Commit the rows of a run, in place of any that it wrote, and return the table's version."""
    table = pa.Table.from_pylist(list(rows), schema=find_table(TABLE).schema)
    return lake.write_table(job.profile, TABLE, table, writer=Writer.KERNEL, replace={"run": job.run_id})


def _decide(job: JobRun, measures: Sequence[Measure], reference: Reference | None, at: datetime, config: Config) -> Decision:
    if all(judge(measure, config) != "retrain" for measure in measures):
        return Decision()
    decision = decide(job.profile, job.run_id, reference, at, timedelta(days=config.cool_down_days))
    if decision.why_not:
        logger.info("training is due, and not asked for: %s", decision.why_not)
    return decision


def _row(run: str, at: datetime, measure: Measure, config: Config, training: str | None) -> dict[str, Any]:
    limit, verdict = config.limit(measure.sign.limit), judge(measure, config)
    facts = {name: getattr(measure, name) for name in ("kind", "name", "part", "value", "low", "high", "before", "after", "rows")}
    compared = {name: getattr(measure.compared, name) for name in ("reference", "reference_version", "current_version")}
    judged = {"threshold": limit.ticket, "retrain_at": limit.retrain, "verdict": verdict, "training": training if verdict == "retrain" else None}
    return {"run": run, "measured_at": at, "table": TABLES[measure.kind], **facts, **compared, **judged}


def _summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    because = [row for row in rows if row["training"]]
    asked = {"training": because[0]["training"], "reason": reason_of(because)} if because else {"training": None, "reason": None}
    return {"measures": len(rows), "verdicts": dict(Counter(row["verdict"] for row in rows)), **asked}
