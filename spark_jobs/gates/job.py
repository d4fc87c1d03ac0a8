"""The job ``gate``: check candidate versions against the catalogue before anybody else reads them."""

import time
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any

from pydantic.dataclasses import dataclass

from goeswith.catalogue import find_table
from goeswith.config import STRICT, parse_config
from goeswith.jobs import JobResult, JobRun
from goeswith.progress import progress
from spark_jobs.gates.candidate import measure_candidate
from spark_jobs.gates.keys import sending_keys
from spark_jobs.session import get_session

READERS = 2
"""Tables that are read at the same time."""
REFUSED = ("stop", "crashed")


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Config:
    """``tables`` are checked in this order; one that the run has no version of passes as absent."""

    tables: list[str]


def run(job: JobRun) -> JobResult:
    """Check each table's candidate version. Raises ``GateFailed`` once all are checked, recorded, and the refused ones restored."""
    config = parse_config(Config, job.params, where="job gate")
    started = time.monotonic()
    found = {name: job.find_version(find_table(name).name) for name in config.tables}
    versions = {name: version for name, version in found.items() if version is not None}
    tables: dict[str, Any] = {name: {"decision": "absent"} for name in found if name not in versions}
    if versions:
        tables |= _check_all(job, versions)
    return JobResult(versions=versions, summary={"tables": tables, "seconds": round(time.monotonic() - started, 2)})


def _check_all(job: JobRun, versions: dict[str, int]) -> dict[str, Any]:
    """Let Spark start and read the tables while Great Expectations is imported: each takes seconds, and neither needs the other."""
    with ThreadPoolExecutor(READERS + 1) as pool, progress("gate", len(versions), unit="tables") as advance:
        loading = pool.submit(import_module, "spark_jobs.gates.gate")
        spark = get_session(job.profile, "gate")
        with sending_keys(spark):
            measuring = {name: pool.submit(measure_candidate, spark, job, name, version) for name, version in versions.items()}
            gate: Any = loading.result()
            reports = []
            for name, version in versions.items():
                reports.append(gate.gate_table(job, name, version, measuring[name]))
                advance(1, name)
    refused = [report for report in reports if report.decision in REFUSED]
    if refused:
        raise gate.refuse(job, refused)
    return {report.table: report.summary() for report in reports}
