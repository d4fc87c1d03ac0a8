"""Small files made large, and pairs laid where their items are: by delta-rs, in commits that change no row."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from goeswith import lake
from goeswith.catalogue import Table, find_table
from goeswith.profile import Profile

CLUSTERED = ("src", "dst")
"""Columns that pairs are clustered on: readers ask for the pairs of an item."""
CLUSTER_SHARE = 0.2
"""A partition is sorted anew when this share of its bytes lies in small files, else only those are merged: a byte is sorted some five times."""
SPILL_BYTES = 512 * 2**20
"""What a sort holds in memory before it goes to the disk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewrite:
    """A partition that has too many small files: how many files and bytes, and whether it is to be sorted by ``CLUSTERED``."""

    partition: Mapping[str, str]
    files: int
    bytes: int
    sort: bool


def plan_rewrites(profile: Profile, name: str, target_bytes: int, min_small_files: int) -> list[Rewrite]:
    """Return the partitions with at least ``min_small_files`` files below half of ``target_bytes``. After a rewrite there are none."""
    table = find_table(name)
    found = []
    for partition, sizes in _file_sizes(profile, table).items():
        small = [size for size in sizes if size < target_bytes / 2]
        if len(small) >= min_small_files:
            sort = set(CLUSTERED) <= set(table.key) and sum(small) >= CLUSTER_SHARE * sum(sizes)
            values = dict(zip(table.partition_by, partition, strict=True))
            found.append(Rewrite(partition=values, files=len(sizes), bytes=sum(sizes), sort=sort))
    return found


def _file_sizes(profile: Profile, table: Table) -> dict[tuple[str, ...], list[int]]:
    """Return the bytes of each live file by partition."""
    actions = pa.table(lake.open_table(profile, table.name).get_add_actions(flatten=True))
    sizes: dict[tuple[str, ...], list[int]] = {}
    for row in _rows(actions, table):
        sizes.setdefault(tuple(row[f"partition.{column}"] for column in table.partition_by), []).append(row["size_bytes"])
    return sizes


def _rows(actions: pa.Table, table: Table) -> Iterator[dict[str, Any]]:
    columns = ["size_bytes", *(f"partition.{column}" for column in table.partition_by)]
    yield from actions.select(columns).to_pylist()


def rewrite(profile: Profile, name: str, chosen: Rewrite, target_bytes: int) -> None:
    """Rewrite one partition in one commit."""
    optimize = lake.open_table(profile, name).optimize
    where = [(column, "=", value) for column, value in chosen.partition.items()] or None
    if chosen.sort:
        optimize.z_order(list(CLUSTERED), partition_filters=where, target_size=target_bytes, max_spill_size=SPILL_BYTES)
    else:
        optimize.compact(partition_filters=where, target_size=target_bytes)


def lacking_properties(profile: Profile, name: str) -> dict[str, str]:
    """Return the properties that a table should have and has not."""
    held = lake.open_table(profile, name).metadata().configuration
    return {key: value for key, value in lake.PROPERTIES.items() if held.get(key) != value}


def set_properties(profile: Profile, name: str) -> None:
    """Give a table the properties that it lacks; one that has them all is left as it is."""
    lacking = lacking_properties(profile, name)
    if lacking:
        lake.open_table(profile, name).alter.set_table_properties(lacking)
