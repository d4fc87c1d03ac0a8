"""One gate: look at a candidate version, keep what was seen, and put a refused table back."""

import json
import logging
from concurrent.futures import Future

from goeswith.errors import GateFailed
from goeswith.faults import find_fault
from goeswith.jobs import JobRun
from goeswith.overrides import find_overrides, use_overrides
from spark_jobs.gates.candidate import Candidate
from spark_jobs.gates.check import check_candidate
from spark_jobs.gates.outcome import Outcome, Report
from spark_jobs.gates.record import write_report
from spark_jobs.gates.restore import restore_table
from spark_jobs.gates.samples import MAX_SAMPLE_CHARS
from spark_jobs.gates.statistics import write_counts

logger = logging.getLogger(__name__)


def gate_table(job: JobRun, name: str, version: int, measuring: Future[Candidate]) -> Report:
    """Check one version of a table, decide, and write what was seen. A crash is a decision too, and none that an override changes."""
    try:
        report = _examine(job, name, version, measuring.result())
    except Exception as error:  # whatever breaks a gate: the version is refused, recorded, and GateFailed raised
        logger.warning("the gate of %s crashed", name, exc_info=True)
        told = find_fault(error, job.profile, f"the gate of {name}") or error
        crash = Outcome(expectation="the gate runs", success=False, crashed=True, observed=_as_json(told))
        report = Report(table=name, version=version, outcomes=(crash,))
    for override in report.used:
        said = (name, version, override.expectation, override.author, override.reason)
        logger.warning("the gate of %s lets version %s pass although '%s' does not hold: %s says %r", *said)
    use_overrides(job.profile, report.used, version, job.run_id)
    write_report(job.profile, job.run_id, report)
    return report


def _examine(job: JobRun, name: str, version: int, candidate: Candidate) -> Report:
    outcomes = check_candidate(candidate)
    write_counts(job.profile, name, version, candidate.measured.counts)
    if candidate.baseline.version is not None and candidate.baseline.counts is not None:
        write_counts(job.profile, name, candidate.baseline.version, candidate.baseline.counts)
    overrides = find_overrides(job.profile, name, version, job.run_id)
    return Report(table=name, version=version, outcomes=tuple(outcomes), overrides=overrides, seconds=candidate.measured.seconds)


def _as_json(error: Exception) -> str:
    first_line = (str(error).splitlines() or [""])[0]
    return json.dumps({"error": f"{type(error).__name__}: {first_line}"[:MAX_SAMPLE_CHARS]})


def refuse(job: JobRun, refused: list[Report]) -> GateFailed:
    """Restore every refused table and return the error that says so."""
    done = [f"{report.table}: {restore_table(job.profile, report.table, report.version)}" for report in refused]
    what = "; ".join(f"the gate of {report.table!r} refuses version {report.version}: {_describe(report)}" for report in refused)
    remedy = "correct the source or the job that wrote it and run the DAG again, or let it pass with: goeswith gates override"
    return GateFailed(what, f"{'; '.join(done)}; {remedy}; all that was seen: goeswith gates --run {job.run_id}")


def _describe(report: Report) -> str:
    outcome = report.failed[0]
    if outcome.crashed:
        return f"'{outcome.expectation}' crashed with {outcome.observed}"
    rows = "" if outcome.unexpected is None else f" in {outcome.unexpected} rows"
    sample = f", for example {outcome.sample}" if outcome.sample not in (None, "[]") else ""
    more = len(report.failed) - 1
    return f"'{outcome.expectation}' does not hold{rows}{sample}" + (f", and {more} more" if more else "")
