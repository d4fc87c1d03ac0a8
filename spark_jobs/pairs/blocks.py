"""Blocks: the counts of one relation in one bucket as three byte strings a row. Millions of pairs move as few, large rows.

Two shuffles: entries by unit, so that a task sees whole units; then the counts that each task found, by bucket, so that one task adds up
a bucket. Within a task numpy sorts; Spark only moves bytes, and spills them.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from spark_jobs.pairs.counts import Counts, merge
from spark_jobs.pairs.entries import read_batches
from spark_jobs.pairs.kernel import Limits
from spark_jobs.pairs.keys import BUCKETS
from spark_jobs.pairs.relations import CODES

ENTRIES_A_TASK = 2_000_000
"""Some 200 MB in a Python worker, with the meetings of baskets of ten."""
FOUND = pa.schema(
    [
        ("relation", pa.int8()),
        ("kind", pa.string()),
        ("held", pa.bool_()),
        ("bucket", pa.int32()),
        ("keys", pa.binary()),
        ("n", pa.binary()),
        ("amount", pa.binary()),
    ]
)
Name = tuple[int, str, bool]
"""Relation's code, kind, held."""


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

    def count(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for relation, sign, part in read_batches(batches):
            for found in relation.count(part, limits[relation.name]):
                name = CODES[relation.name], found.kind, found.held
                yield from (_as_row(name, bucket, counts, sign) for bucket, counts in found.counts.split(spread))

    found = entries.repartition(tasks.entries, "unit").mapInArrow(count, from_arrow_schema(FOUND))
    return merge_blocks(found, tasks.counts)


def merge_blocks(blocks: DataFrame, tasks: int) -> DataFrame:
    """Add up blocks, of any split into buckets, to one a bucket."""
    return by_bucket(blocks, tasks).mapInArrow(_merge_partition, from_arrow_schema(FOUND))


def by_bucket(blocks: DataFrame, tasks: int) -> DataFrame:
    """Bring the blocks of a bucket together, neighbouring buckets to a task."""
    return blocks.select(*FOUND.names).repartitionById(tasks, F.floor(F.col("bucket") / (BUCKETS // tasks)).cast("int"))


def _merge_partition(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for bucket, found in collect_buckets(batches):
        yield from (_as_row(name, bucket, counts, 1) for name, counts in found.items())


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


def _as_row(name: Name, bucket: int, counts: Counts, sign: int) -> pa.RecordBatch:
    keys, n, amount = encode(counts, sign)
    relation, kind, held = name
    values = (relation, kind, held, bucket, keys, n, amount)
    return pa.RecordBatch.from_arrays([pa.array([v], t) for v, t in zip(values, FOUND.types, strict=True)], schema=FOUND)


def encode(counts: Counts, sign: int = 1) -> tuple[bytes, bytes, bytes]:
    """Return differences of the keys, counts and amounts as bytes; amounts that are all nothing as none."""
    steps = np.diff(counts.keys, prepend=np.uint64(0))
    amount = counts.amount * sign if counts.amount.any() else np.zeros(0, np.int64)
    return steps.tobytes(), (counts.n * sign).tobytes(), amount.tobytes()


def decode(keys: bytes, n: bytes, amount: bytes) -> Counts:
    """Return what ``encode`` made bytes of."""
    steps = np.frombuffer(keys, np.uint64)
    found = np.frombuffer(amount, np.int64)
    return Counts(np.cumsum(steps, dtype=np.uint64), np.frombuffer(n, np.int64), found if len(found) else np.zeros(len(steps), np.int64))
