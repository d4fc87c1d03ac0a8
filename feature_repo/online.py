"""Bringing the online store to a set of table versions: only what changed since the last time is written."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pyarrow as pa
from feast import FeatureView
from feast.infra.provider import Provider

from feature_repo.slices import Slice
from feature_repo.snapshots import Versions, read_snapshot
from goeswith.profile import Profile

BATCH = 25_000
"""Rows that are turned into Feast's values at a time: some 300 MB of Python objects."""


def changed_rows(profile: Profile, part: Slice, before: Versions, after: Versions) -> tuple[pa.Table, pa.Table]:
    """Return the rows of a slice that are new or changed since ``before``, and the entities that are gone.

    A row counts as changed where its ``updated_at`` did: the catalogue's tables leave it alone while the content stays.
    """
    new = read_snapshot(profile, part, after)
    if part.table.name not in before:
        return new, new.select(part.entity).slice(0, 0)
    if before[part.table.name] == after.get(part.table.name):
        return new.slice(0, 0), new.select(part.entity).slice(0, 0)
    keys = list(part.entity)
    old = read_snapshot(profile, part, before, (*keys, "updated_at"))
    stamped = [*keys, "updated_at"]
    changed = new.select(stamped).join(old, keys=stamped, join_type="left anti").select(keys)
    positions = new.select(keys).append_column("at", pa.array(range(new.num_rows), pa.int64()))
    at = positions.join(changed, keys=keys, join_type="left semi")["at"].sort() if changed.num_rows else pa.array([], pa.int64())
    gone = old.select(keys).join(new.select(keys), keys=keys, join_type="left anti")
    return new.take(at), gone


def write_rows(provider: Provider, view: FeatureView, part: Slice, rows: pa.Table, gone: pa.Table, advance: Callable[[int, str], None]) -> None:
    """Write the rows of a slice to the online store; entities that are gone become rows without values.

    By the provider: ``FeatureStore.write_to_online_store`` leaves out batches without any value, so what is gone would stay.
    They go in the order of Feast's entity keys (join keys by name), so SQLite's B-tree grows at its end: twice as fast.
    """
    schema = pa.schema([field.with_nullable(True) for field in rows.schema])
    ordered = pa.concat_tables([rows.cast(schema), _emptied(part, schema, gone)]).sort_by([(key, "ascending") for key in sorted(part.entity)])
    for batch in _batches(ordered):
        provider.ingest_df(view, batch.to_pandas())
        advance(batch.num_rows, part.name)


def _batches(rows: pa.Table) -> Iterator[pa.Table]:
    for start in range(0, rows.num_rows, BATCH):
        yield rows.slice(start, BATCH)


def _emptied(part: Slice, schema: pa.Schema, gone: pa.Table) -> pa.Table:
    """Return a row for each entity that is gone: null but for its times. Feast's online stores have no delete."""
    now = datetime.now(UTC)
    fixed = {part.timestamp: now, "updated_at": now}
    columns = [gone[f.name] if f.name in part.entity else pa.repeat(pa.scalar(fixed.get(f.name), f.type), gone.num_rows) for f in schema]
    return pa.table(columns, schema=schema)
