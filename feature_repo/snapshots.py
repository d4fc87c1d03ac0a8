"""Pinned snapshots: the rows of a Delta version as the Parquet files that Feast's file offline store reads (ADR 0002)."""

import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from feature_repo.slices import Slice, list_slices
from goeswith import lake
from goeswith.profile import Profile
from goeswith.progress import progress

Versions = Mapping[str, int]


def snapshot_path(profile: Profile, part: Slice, versions: Versions) -> Path:
    """Return where a slice of a table's version lies; a table without a version has an empty file '@none'."""
    version = versions.get(part.table.name, "none")
    return profile.features / "snapshots" / f"{part.table.name}@{version}" / f"{part.name}.parquet"


def write_snapshots(profile: Profile, versions: Versions) -> int:
    """Write the snapshots that are not there yet, and return how many: a version's files never change."""
    missing = [part for part in list_slices() if not snapshot_path(profile, part, versions).exists()]
    with progress("pin table versions for Feast", len(missing), unit="files") as advance:
        for part in missing:
            _write(profile, part, versions)
            advance(1, part.name)
    return len(missing)


def read_snapshot(profile: Profile, part: Slice, versions: Versions, columns: Iterable[str] | None = None) -> pa.Table:
    """Return the rows of a slice, or some columns of them, in the types of its schema."""
    names = list(columns or part.schema.names)
    schema = pa.schema([part.schema.field(name) for name in names])
    return pq.read_table(snapshot_path(profile, part, versions), columns=names).cast(schema)


def prune_snapshots(profile: Profile, *in_use: Versions) -> None:
    """Remove the snapshots of versions that none of ``in_use`` names; they can be written again from the lake."""
    kept = {snapshot_path(profile, part, versions).parent for part in list_slices() for versions in in_use}
    for folder in (profile.features / "snapshots").glob("*@*"):
        if folder not in kept:
            shutil.rmtree(folder)


def _write(profile: Profile, part: Slice, versions: Versions) -> None:
    path = snapshot_path(profile, part, versions)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with pq.ParquetWriter(beside, part.schema) as writer:
        if part.table.name in versions:
            found = lake.read_batches(profile, part.table.name, version=versions[part.table.name], columns=part.columns, where=part.where)
            for batch in found:
                writer.write_batch(part.rows(batch))
    beside.replace(path)
