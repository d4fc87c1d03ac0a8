"""The job ``release``: name the gated versions of this run as one consistent release."""

from goeswith import lake
from goeswith.errors import GateFailed
from goeswith.gate_history import PASSED, find_decision
from goeswith.jobs import JobResult, JobRun
from goeswith.releases import released_versions, write_release


def run(job: JobRun) -> JobResult:
    """Release the versions that this run wrote, on top of the newest release. Raises ``GateFailed`` where one passed no gate."""
    released = released_versions(job.profile)
    for table, version in job.versions.items():
        if released.get(table) != version:
            _require_passed(job, table, version)
    release = write_release(job.profile, job.run_id, job.versions)
    return JobResult(versions=release.versions, summary={"release": release.name, "tables": len(release.versions)})


def _require_passed(job: JobRun, table: str, version: int) -> None:
    lake.open_table(job.profile, table, version)
    decision = find_decision(job.profile, table, version)
    if decision not in PASSED:
        what = f"version {version} of {table!r} may not be released: " + ("no gate looked at it" if decision is None else f"its gate says {decision}")
        raise GateFailed(what, f'gate it: goeswith job gate --run {job.run_id} --params \'{{"tables": ["{table}"]}}\' --versions JSON')
