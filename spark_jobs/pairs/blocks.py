"""Blocks: the counts of one relation in one bucket as three byte strings a row. Millions of pairs move as few, large rows.

Two shuffles: entries by unit, so that a task sees whole units; then the counts that each task found, by bucket, so that one task adds up
a bucket. Within a task numpy sorts; Spark only moves bytes, and spills them.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from spark_jobs.pairs.counts import Counts, merge
from spark_jobs.pairs.entries import read_batches
from spark_jobs.pairs.kernel import Limits
from spark_jobs.pairs.keys import BUCKETS, Ints
from spark_jobs.pairs.relations import CODES

ENTRIES_A_TASK = 2_000_000
"""Some 200 MB in a Python worker, with the meetings of baskets of ten."""
PART_KEYS = 2**17
"""Of a block in one row: 1 MB of keys."""
FOUND = pa.schema(
    [
        ("relation", pa.int8()),
        ("kind", pa.string()),
        ("held", pa.bool_()),
        ("bucket", pa.int32()),
        ("part", pa.int32()),
        ("keys", pa.binary()),
        ("n", pa.binary()),
        ("amount", pa.binary()),
    ]
)
Name = tuple[int, str, bool]
"""Relation's code, kind, held."""
BATCH_BYTES = 2**23
"""What rows of blocks hold that move together: a batch costs a millisecond however little it holds."""
Row = tuple[Any, ...]
"""Values of ``FOUND``."""
WIDTHS = (np.dtype(np.int8), np.dtype(np.int16), np.dtype(np.int32), np.dtype(np.int64))


@dataclass(frozen=True, slots=True)
class Tasks:
    """Into how many parts the entries, and the counts, are split."""

    entries: int
    counts: int


def plan_tasks(entries: int, at_least: int) -> Tasks:
    """Return as many tasks as keep each one's memory alike, however much there is to count."""
    needed = max(at_least, -(-entries // ENTRIES_A_TASK))
    return Tasks(needed, min(BUCKETS, needed))


def build_blocks(entries: DataFrame, limits: dict[str, Limits], tasks: Tasks) -> DataFrame:
    """Return the entries' counts as blocks, each bucket of a relation once; ``limits`` by relation's name."""
    spread = BUCKETS // tasks.counts

    def find(batches: Iterable[pa.RecordBatch]) -> Iterator[Row]:
        for relation, sign, part in read_batches(batches):
            for found in relation.count(part, limits[relation.name]):
                name = CODES[relation.name], found.kind, found.held
                yield from ((*name, bucket, 0, *encode(counts, sign)) for bucket, counts in found.counts.split(spread))

    def count(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return batch_rows(find(batches))

    found = entries.repartition(tasks.entries, "unit").mapInArrow(count, from_arrow_schema(FOUND))
    return merge_blocks(found, tasks.counts)


def merge_blocks(blocks: DataFrame, tasks: int) -> DataFrame:
    """Add up blocks, of any split into buckets, to one a bucket."""
    return by_bucket(blocks, tasks).mapInArrow(_merge_partition, from_arrow_schema(FOUND))


def by_bucket(blocks: DataFrame, tasks: int) -> DataFrame:
    """Bring the blocks of a bucket together, neighbouring buckets to a task."""
    return blocks.select(*FOUND.names).repartitionById(tasks, F.floor(F.col("bucket") / (BUCKETS // tasks)).cast("int"))


def _merge_partition(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    merged = ((bucket, name, counts) for bucket, found in collect_buckets(batches) for name, counts in found.items())
    return batch_rows((*name, bucket, k, *encode(part)) for bucket, name, counts in merged for k, part in enumerate(_parts(counts)))


def _parts(counts: Counts) -> Iterator[Counts]:
    """Cut what is too much for one row: Spark reads rows by the dozen."""
    for start in range(0, len(counts), PART_KEYS):
        part = slice(start, start + PART_KEYS)
        yield Counts(counts.keys[part], counts.n[part], counts.amount[part])


def collect_buckets(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[int, dict[Name, Counts]]]:
    """Yield the summed counts of each bucket of a partition, by name; what comes to nothing is left out."""
    parts: dict[int, dict[Name, list[Counts]]] = defaultdict(lambda: defaultdict(list))
    for batch in batches:
        for row in batch.to_pylist():
            for bucket, counts in decode(row["keys"], row["n"], row["amount"]).split():
                parts[bucket][row["relation"], row["kind"], row["held"]].append(counts)
    for bucket in sorted(parts):
        summed = {name: merge(found) for name, found in sorted(parts.pop(bucket).items())}
        yield bucket, {name: counts for name, counts in summed.items() if len(counts)}


def batch_rows(rows: Iterable[Row]) -> Iterator[pa.RecordBatch]:
    """Yield rows in batches of some megabytes."""
    batch: list[Row] = []
    size = 0
    for row in rows:
        batch.append(row)
        size += sum(len(value) for value in row if isinstance(value, bytes))
        if size >= BATCH_BYTES:
            yield _as_batch(batch)
            batch, size = [], 0
    if batch:
        yield _as_batch(batch)


def _as_batch(rows: list[Row]) -> pa.RecordBatch:
    columns = zip(zip(*rows, strict=True), FOUND.types, strict=True)
    return pa.RecordBatch.from_arrays([pa.array(column, kind) for column, kind in columns], schema=FOUND)


def encode(counts: Counts, sign: int = 1) -> tuple[bytes, bytes, bytes]:
    """Return differences of the keys, counts and amounts as bytes, these as narrow as they fit; amounts that are all nothing as none."""
    steps = np.diff(counts.keys, prepend=np.uint64(0))
    return steps.tobytes(), _narrow(counts.n * sign).tobytes(), _narrow(counts.amount * sign).tobytes() if counts.amount.any() else b""


def _narrow(values: Ints) -> npt.NDArray[np.signedinteger]:
    """Return integers in the narrowest type that holds them all."""
    lowest, highest = values.min(initial=0), values.max(initial=0)
    return values.astype(next(width for width in WIDTHS if np.iinfo(width).min <= lowest and highest <= np.iinfo(width).max))


def decode(keys: bytes, n: bytes, amount: bytes) -> Counts:
    """Return what ``encode`` made bytes of: how wide a count is follows from how many keys there are."""
    steps = np.frombuffer(keys, np.uint64)
    return Counts(np.cumsum(steps, dtype=np.uint64), _widen(n, len(steps)), _widen(amount, len(steps)))


def _widen(values: bytes, length: int) -> Ints:
    if not values:
        return np.zeros(length, np.int64)
    return np.frombuffer(values, WIDTHS[(len(values) // length).bit_length() - 1]).astype(np.int64)
