"""Pictures out of an uncompressed tar that is never unpacked: one task lists (member, offset, size), others read their ranges."""

import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from spark_jobs.sources.base import PICTURES

INDEX = pa.schema([("reference", pa.string()), ("offset", pa.int64()), ("size", pa.int64())])
CONTENT = pa.schema([("item_id", pa.string()), ("reference", pa.string()), ("content", pa.binary())])
INDEX_ROWS = 4_096
CONTENT_ROWS = 64
"""Pictures held in a worker at once."""


def read_tar(spark: SparkSession, path: Path, named: DataFrame) -> DataFrame:
    """Return the pictures (schema ``PICTURES``) that ``named`` (item_id, reference) asks for; null content where the tar has none."""
    index = index_tar(spark, path)
    ranges = named.join(index, on="reference", how="left").select("item_id", "reference", "offset", "size")

    def read_batches(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        with path.open("rb") as tar:
            for batch in batches:
                for start in range(0, batch.num_rows, CONTENT_ROWS):
                    rows = batch.slice(start, CONTENT_ROWS).to_pylist()
                    yield pa.RecordBatch.from_pylist(
                        [row | {"content": _read_range(tar, row["offset"], row["size"])} for row in rows], schema=CONTENT
                    )

    return ranges.mapInArrow(read_batches, PICTURES)


def index_tar(spark: SparkSession, path: Path) -> DataFrame:
    """Return where each member of the tar lies: its name without folders, offset and size in bytes. One task walks the headers."""

    def walk(_batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for _ in _batches:
            yield from _walk_members(path)

    return spark.range(1, numPartitions=1).mapInArrow(walk, "reference string, offset bigint, size bigint")


def _walk_members(path: Path) -> Iterator[pa.RecordBatch]:
    rows: list[tuple[str, int, int]] = []
    with tarfile.open(path, "r:") as tar:
        while (member := tar.next()) is not None:
            tar.members = []  # type: ignore[attr-defined]  # the stubs leave it out; tarfile would keep every header in it
            if member.isfile():
                rows.append((Path(member.name).name, member.offset_data, member.size))
            if len(rows) == INDEX_ROWS:
                yield _index_batch(rows)
                rows = []
    yield _index_batch(rows)


def _index_batch(rows: list[tuple[str, int, int]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([dict(zip(INDEX.names, row, strict=True)) for row in rows], schema=INDEX)


def _content_batch(tar: BinaryIO, rows: list[dict[str, Any]]) -> pa.RecordBatch:
    read = [row | {"content": _read_range(tar, row["offset"], row["size"])} for row in rows]
    return pa.RecordBatch.from_pylist(read, schema=CONTENT)


def _read_range(tar: BinaryIO, offset: int | None, size: int) -> bytes | None:
    if offset is None:
        return None
    tar.seek(offset)
    return tar.read(size)
