"""How long a gate takes, to hold against the job that it guards."""

from collections.abc import Mapping

from goeswith.jobs import JobRun
from goeswith.profile import Profile
from spark_jobs.gates.job import run

RUN = "bench"


def time_gate(profile: Profile, name: str, versions: Mapping[str, int]) -> dict[str, float]:
    """Gate one table at the version that ``versions`` names, and return the seconds: in all, and of each pass.

    ``versions`` also names the tables that it refers to. ``rows``, ``values``, ``references`` and ``keys`` are passes over the version,
    ``released`` is reading what it is compared with; the rest of ``total`` is judging and recording, and Spark's start where none runs.
    Raises ``GateFailed`` where the version is refused.
    """
    summary = run(JobRun(profile=profile, run_id=RUN, versions=versions, params={"tables": [name]})).summary
    return {"total": summary["seconds"], **summary["tables"][name]["seconds"]}
