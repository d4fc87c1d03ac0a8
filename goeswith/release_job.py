"""The job ``release``: name the gated versions of this run as one consistent release."""

from goeswith.jobs import JobResult, JobRun
from goeswith.releases import write_release


def run(job: JobRun) -> JobResult:
    """Release the versions that this run wrote, on top of the newest release."""
    release = write_release(job.profile, job.run_id, job.versions)
    return JobResult(versions=release.versions, summary={"release": release.name, "tables": len(release.versions)})
