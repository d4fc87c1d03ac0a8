"""What was counted and learned from a user, made anew from what is left: by the jobs that made it, with the parameters that they had."""

import shutil
from collections.abc import Mapping
from typing import Any

from goeswith import lake
from goeswith.catalogue import TABLES, Layer, find_table
from goeswith.jobs import JobRun, load_job
from goeswith.pins import ONLINE_STATE
from goeswith.profile import Profile
from goeswith.progress import progress
from goeswith.records import read_records
from goeswith.releases import read_releases
from goeswith.upkeep.history import drop_table

REBUILT = {
    "holdout": "reserve_holdout",
    "item_pairs": "count_pairs",
    "pair_scores": "prune_pairs",
    "edge_verdicts": "judge_edges",
    "relations": "build_relations",
}
"""Table -> the job that brings it to the rows that are left, in the order of the DAGs. Other tables of the graph layer are what a job
remembers, the user's baskets among it: they are dropped, and the job begins anew."""

KEPT_WHOLE = ("items", "declared_relations", "releases")
"""Tables that no user ever reaches: their older versions stay."""


def drop_memories(profile: Profile) -> list[str]:
    """Drop the tables of the graph layer that no job of ``REBUILT`` writes; return their names."""
    found = [name for name, table in TABLES.items() if table.layer is Layer.GRAPH and name not in REBUILT]
    there = [name for name in found if lake.current_version(profile, name) is not None]
    for name in there:
        drop_table(profile, name)
    return there


def rebuild_tables(profile: Profile, run: str) -> None:
    """Run the job of every table of ``REBUILT`` that exists, on the newest rows of all tables."""
    there = [name for name in REBUILT if lake.current_version(profile, name) is not None]
    with progress("rebuild without the user", len(there), unit="tables") as advance:
        for name in there:
            job = REBUILT[name]
            load_job(job).run(JobRun(profile=profile, run_id=run, versions=newest_versions(profile), params=last_params(profile, job)))
            advance(1, name)


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


def empty_training_sets(profile: Profile) -> None:
    """Delete what models were trained on: features of pairs that count the user. Training retrieves them again."""
    if lake.current_version(profile, find_table("training_sets").name) is not None:
        lake.open_table(profile, "training_sets").delete()


def renew_features(profile: Profile, run: str) -> None:
    """Bring the online store to the new release; where nothing was ever served, only let go of Feast's copies of older versions."""
    if (profile.features / ONLINE_STATE).exists():
        load_job("materialise").run(JobRun(profile=profile, run_id=run))
    else:
        shutil.rmtree(profile.features / "snapshots", ignore_errors=True)
