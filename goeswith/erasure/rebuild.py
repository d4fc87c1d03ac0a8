"""What was counted and learned from a user, made anew from what is left: by the jobs that made it, with the parameters that they had."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from goeswith import lake
from goeswith.catalogue import TABLES, Layer
from goeswith.jobs import JobRun, load_job
from goeswith.pins import ONLINE_STATE
from goeswith.profile import Profile
from goeswith.progress import progress
from goeswith.records import read_records
from goeswith.releases import read_releases


@dataclass(frozen=True, slots=True)
class Rebuild:
    """A table, the job that brings it to the rows that are left, and the parameters with which it does so from scratch."""

    table: str
    job: str
    params: Mapping[str, Any] = field(default_factory=dict)


REBUILT = (
    Rebuild("holdout", "reserve_holdout"),
    Rebuild("pair_ledger", "count_pairs", {"fold_after": 1}),  # one batch: what was taken back stands in none any more
    Rebuild("item_pairs", "measure_pairs"),
    Rebuild("pair_scores", "prune_pairs"),
    Rebuild("edge_verdicts", "judge_edges"),
    Rebuild("relations", "build_relations"),
    Rebuild("item_sets", "mine_sets"),
)
"""What a user is counted in, in the order of the DAGs."""

KEPT_WHOLE = ("items", "item_numbers", "declared_relations", "releases", "stream_batches", "merchandising_rules")
"""Tables that no user ever reaches: their older versions stay."""


def rebuild_tables(profile: Profile, run: str) -> None:
    """Run the job of every table of ``REBUILT`` that exists, on the newest rows of all tables."""
    there = [rebuild for rebuild in REBUILT if lake.current_version(profile, rebuild.table) is not None]
    with progress("rebuild without the user", len(there), unit="tables") as advance:
        for table, job, extra in ((rebuild.table, rebuild.job, rebuild.params) for rebuild in there):
            params = {**last_params(profile, job), **extra}
            load_job(job).run(JobRun(profile=profile, run_id=run, versions=newest_versions(profile), params=params))
            advance(1, table)


def newest_versions(profile: Profile) -> dict[str, int]:
    """Return the newest version of every table that releases may name."""
    found = {name: lake.current_version(profile, name) for name, table in TABLES.items() if table.layer is not Layer.CONTROL}
    return {name: version for name, version in found.items() if version is not None}


def last_params(profile: Profile, job: str) -> Mapping[str, Any]:
    """Return the parameters that a job had in the newest release that it took part in; its defaults where no record says."""
    for release in reversed(read_releases(profile)):
        for record in read_records(profile, release.name).values():
            if record.get("job") == job:
                params: Mapping[str, Any] = record["params"]
                return params
    return {}


def empty_derived(profile: Profile) -> None:
    """Delete what else counts the user: features that models were trained on, which training retrieves again, and gates' counts of versions."""
    for name in ("training_sets", "version_statistics"):
        if lake.current_version(profile, name) is not None:
            lake.open_table(profile, name).delete()


def renew_features(profile: Profile, run: str) -> None:
    """Bring the online store to the new release; where nothing was ever served, only let go of Feast's copies of older versions."""
    if (profile.features / ONLINE_STATE).exists():
        load_job("materialise").run(JobRun(profile=profile, run_id=run))
    else:
        shutil.rmtree(profile.features / "snapshots", ignore_errors=True)
