"""One gate: look at a candidate version, keep what was seen, and put a refused table back."""

import json
import logging
from concurrent.futures import Future

from goeswith.catalogue import find_table
from goeswith.errors import GateFailed
from goeswith.jobs import JobRun
from spark_jobs.gates.check import MAX_SAMPLE_CHARS, Outcome, check_frame
from spark_jobs.gates.frame import Prepared
from spark_jobs.gates.record import Report, write_report
from spark_jobs.gates.restore import restore_table

logger = logging.getLogger(__name__)


def gate_table(job: JobRun, name: str, version: int, prepared: Future[Prepared]) -> Report:
    """Check one version of a table and write what was seen to ``gate_results``. A crash is a decision too."""
    try:
        outcomes = check_frame(find_table(name), prepared.result())
    except Exception as error:  # whatever breaks a gate: the version is refused, recorded, and GateFailed raised
        logger.warning("the gate of %s crashed", name, exc_info=True)
        outcomes = [Outcome(expectation="the gate runs", success=False, crashed=True, observed=_as_json(error))]
    report = Report(table=name, version=version, outcomes=tuple(outcomes))
    write_report(job.profile, job.run_id, report)
    return report


def _as_json(error: Exception) -> str:
    first_line = (str(error).splitlines() or [""])[0]
    return json.dumps({"error": f"{type(error).__name__}: {first_line}"[:MAX_SAMPLE_CHARS]})


def refuse(job: JobRun, refused: list[Report]) -> GateFailed:
    """Restore every refused table and return the error that says so."""
    done = [f"{report.table}: {restore_table(job.profile, report.table, report.version)}" for report in refused]
    what = "; ".join(f"the gate of {report.table!r} refuses version {report.version}: {_describe(report)}" for report in refused)
    remedy = "correct the source or the job that wrote it and run the DAG again; all that was seen stands in gate_results"
    return GateFailed(what, f"{'; '.join(done)}; {remedy} (run {job.run_id!r})")


def _describe(report: Report) -> str:
    outcome = report.failed[0]
    if outcome.crashed:
        return f"'{outcome.expectation}' crashed with {outcome.observed}"
    rows = "" if outcome.unexpected is None else f" in {outcome.unexpected} rows"
    sample = f", for example {outcome.sample}" if outcome.sample not in (None, "[]") else ""
    more = len(report.failed) - 1
    return f"'{outcome.expectation}' does not hold{rows}{sample}" + (f", and {more} more" if more else "")
