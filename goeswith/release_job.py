"""The job ``release``: name the gated versions of this run as one consistent release."""

from pydantic.dataclasses import dataclass

from goeswith import lake
from goeswith.config import STRICT, parse_config
from goeswith.errors import GateFailed
from goeswith.gate_history import PASSED, find_decision
from goeswith.jobs import JobResult, JobRun
from goeswith.releases import released_versions, write_release


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Config:
    """``reason``: why the run was started, kept with the release."""

    reason: str | None = None


def run(job: JobRun) -> JobResult:
    """Release the versions that this run wrote, on top of the newest release. Raises ``GateFailed`` where one passed no gate.

    A table that another run has released since this one read it stays as that run released it: no release takes a table back.
    """
    config = parse_config(Config, job.params, where="job release")
    released = released_versions(job.profile)
    versions = {table: version for table, version in job.versions.items() if version >= released.get(table, version)}
    for table, version in versions.items():
        if released.get(table) != version:
            _require_passed(job, table, version)
    release = write_release(job.profile, job.run_id, versions, reason=config.reason)
    newer = sorted(job.versions.keys() - versions.keys())
    return JobResult(versions=release.versions, summary={"release": release.name, "tables": len(release.versions), "newer_already": newer})


def _require_passed(job: JobRun, table: str, version: int) -> None:
    lake.open_table(job.profile, table, version)
    decision = find_decision(job.profile, table, version)
    if decision not in PASSED:
        what = f"version {version} of {table!r} may not be released: " + ("no gate looked at it" if decision is None else f"its gate says {decision}")
        raise GateFailed(what, f'gate it: goeswith job gate --run {job.run_id} --params \'{{"tables": ["{table}"]}}\' --versions JSON')
