"""The released neighbours of the whole catalogue as one flat file or table: one row a place, for shops that want no server."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import write_deltalake

from goeswith import lake
from goeswith.profile import Profile
from goeswith.releases import Release

Format = Literal["delta", "parquet", "jsonl"]
SCHEMA = pa.schema(
    [
        ("type", pa.string()),
        ("item_id", pa.string()),
        ("rank", pa.int32()),
        ("neighbour_id", pa.string()),
        ("score", pa.float32()),
        ("sure", pa.bool_()),
        ("source", pa.string()),
        ("reason", pa.string()),
        ("model_version", pa.string()),
        ("release", pa.string()),
    ]
)
"""``rank`` counts from 1 within a list; ``sure`` is null where no threshold was learned; ``release`` is the one whose tables were exported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """At most ``k`` places a list; only ``sure`` ones; only items that are ``in_stock``; '' as ``type`` is both."""

    k: int = 20
    type: str = ""
    sure: bool = False
    in_stock: bool = False


def read_places(profile: Profile, release: Release, wanted: Wanted) -> Iterator[pa.RecordBatch]:
    """Yield a release's places in ``SCHEMA``; an item that its catalogue does not hold is nobody's neighbour. Raises ``VersionMissing``."""
    there = _items(profile, release, in_stock=wanted.in_stock)
    where = {"type": wanted.type} if wanted.type else None
    for batch in lake.read_batches(profile, "item_neighbours", version=release.version_of("item_neighbours"), where=where):
        yield flatten(batch, wanted, there, release.name)


def _items(profile: Profile, release: Release, *, in_stock: bool) -> pa.Array:
    rows = lake.read_table(profile, "items", version=release.version_of("items"), columns=["item_id", "available"])
    return (rows.filter(rows["available"]) if in_stock else rows)["item_id"].combine_chunks()


def flatten(batch: pa.RecordBatch, wanted: Wanted, there: pa.Array, release: str) -> pa.RecordBatch:
    """Return one row a place of the lists in ``batch`` (rows of ``item_neighbours``), ranked among those that stay."""
    lists = batch["neighbours"]
    query, places = pc.list_parent_indices(lists), pc.list_flatten(lists)
    neighbour, score = (pc.struct_field(places, name) for name in ("item_id", "score"))
    sure = pc.greater_equal(score, batch["threshold"].take(query))
    kept = pc.is_in(neighbour, there)
    kept = pc.and_(kept, pc.fill_null(sure, fill_value=False)) if wanted.sure else kept
    at = np.flatnonzero(kept.to_numpy(zero_copy_only=False))
    rank = _ranks(query.to_numpy()[at])
    at, rank = at[rank <= wanted.k], rank[rank <= wanted.k]
    own = {"rank": pa.array(rank, pa.int32()), "neighbour_id": neighbour.take(at), "score": score.take(at), "sure": sure.take(at)}
    said = {name: pc.struct_field(places, name).take(at) for name in ("source", "reason")}
    of_list = {name: batch[name].take(query.take(at)) for name in ("type", "item_id", "model_version")}
    columns = {**of_list, **own, **said, "release": pa.array([release] * len(at), pa.string())}
    return pa.RecordBatch.from_arrays([columns[name] for name in SCHEMA.names], schema=SCHEMA)


def _ranks(query: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return how many rows of its query stand up to each row, itself counted; the rows of a query follow each other."""
    starts = np.flatnonzero(np.diff(query, prepend=-1))
    return np.arange(len(query)) - np.repeat(starts, np.diff(starts, append=len(query))) + 1


@dataclass(slots=True)
class _Counted:
    batches: Iterator[pa.RecordBatch]
    rows: int = 0

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        for batch in self.batches:
            self.rows += batch.num_rows
            yield batch


def write_places(batches: Iterator[pa.RecordBatch], target: Path, kind: Format) -> int:
    """Write rows whole or not at all, in place of what stood at ``target``, batch by batch, and return their number."""
    counted = _Counted(batches)
    if kind == "delta":
        _write_delta(counted, target)
    else:
        _write_beside(counted, target, _write_parquet if kind == "parquet" else _write_lines)
    return counted.rows


def _write_delta(batches: _Counted, target: Path) -> None:
    """Commit all rows at once. They are read whole first: delta-rs cannot write a table while it reads another for it."""
    with TemporaryDirectory(prefix="goeswith-export-") as folder:
        staged = Path(folder) / "rows.parquet"
        _write_parquet(batches, staged)
        write_deltalake(target, pa.RecordBatchReader.from_batches(SCHEMA, pq.ParquetFile(staged).iter_batches()), mode="overwrite")


def _write_beside(batches: _Counted, target: Path, write: Callable[[_Counted, Path], None]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        write(batches, beside)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def _write_parquet(batches: _Counted, path: Path) -> None:
    with pq.ParquetWriter(path, SCHEMA, compression="zstd") as out:
        for batch in batches:
            out.write_batch(batch)


def _write_lines(batches: _Counted, path: Path) -> None:
    with path.open("w", encoding="utf-8") as out:
        for batch in batches:
            out.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in batch.to_pylist())
