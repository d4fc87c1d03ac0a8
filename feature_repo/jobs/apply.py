"""The job ``apply_features``: pin Feast's registry to the versions of this run, and say what changed."""

from pydantic.dataclasses import dataclass

from feature_repo.slices import VIEWED
from feature_repo.store import apply_versions, open_store, pinned_versions
from goeswith.config import STRICT, parse_config
from goeswith.jobs import JobResult, JobRun


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Config:
    """Everything is derived from the catalogue and the run's versions: nothing to choose."""


def run(job: JobRun) -> JobResult:
    """Write the snapshots of the run's versions and apply entities, views and services over them."""
    parse_config(Config, job.params, where="job apply_features")
    store = open_store(job.profile)
    before = pinned_versions(store)
    written = apply_versions(job.profile, store, viewed_versions(job))
    after = pinned_versions(store)
    changed = sorted(name for name, pinned in after.items() if before.get(name) != pinned)
    return JobResult(summary={"views": len(after), "changed": changed, "snapshots": written})


def viewed_versions(job: JobRun) -> dict[str, int]:
    """Return the versions that the run reads of the tables behind views; tables that do not exist yet are left out."""
    found = {name: job.find_version(name) for name in VIEWED}
    return {name: version for name, version in found.items() if version is not None}
