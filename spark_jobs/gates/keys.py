"""Is a table's key unique? Rows' keys become 64-bit hashes, which move as sorted blocks of bytes and are compared by sorting them.

Spark's own way, grouping the hashes, moves a row for each and puts it into a hash table, which takes twice as long (ADR 10).
"""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from goeswith.catalogue import Table
from spark_jobs.session import setting

HASHES_AT_ONCE = 2_000_000
"""Of a task, sorted together: 16 MB."""
HASHES_A_PART = 4_000_000
"""Compared in one task: 32 MB."""
BATCH_BYTES, UNBOUNDED = "spark.sql.execution.arrow.maxBytesPerBatch", f"{2**31 - 1}b"
"""Spark measures after each row how large its batch has become, which takes longer than writing eight bytes; at this value it does not."""
BLOCKS = pa.schema([("part", pa.int32()), ("hashes", pa.binary())])
REPEATED = pa.schema([("repeated", pa.int64())])
Hashes = npt.NDArray[np.uint64]


def sending_keys(spark: SparkSession) -> AbstractContextManager[None]:
    """Let Spark send keys to Python by their number alone: half of the time of ``count_repeated``, which is as right without it."""
    return setting(spark, BATCH_BYTES, UNBOUNDED)


def count_repeated(table: Table, rows: DataFrame, num_rows: int) -> int:
    """Return the rows whose key another row has as well. Only where two hashes meet are the keys themselves compared."""
    hashes = rows.select(F.xxhash64(*table.key).alias("hash"))
    if not _count_meetings(hashes, max(1, -(-num_rows // HASHES_A_PART))):
        return 0
    return _total(repeated_keys(table, rows), "times")


def repeated_keys(table: Table, rows: DataFrame) -> DataFrame:
    """Return each key that more than one row has, and how many have it (``times``)."""
    return rows.groupBy(*table.key).agg(F.count(F.lit(1)).alias("times")).where("times > 1")


def _count_meetings(hashes: DataFrame, parts: int) -> int:
    """Return how many hashes another one equals."""
    bounds = (np.arange(1, parts, dtype=np.float64) / parts * 2.0**64).astype(np.uint64)

    def cut(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for found in _gathered(batches):
            blocks = np.split(found, np.searchsorted(found, bounds))
            yield pa.record_batch([pa.array(range(parts), pa.int32()), pa.array([b.tobytes() for b in blocks], pa.binary())], schema=BLOCKS)

    def compare(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        held = [np.frombuffer(block, np.uint64) for batch in batches for block in batch.column("hashes").to_pylist()]
        found = np.sort(np.concatenate(held)) if held else np.zeros(0, np.uint64)
        yield pa.record_batch([pa.array([int((found[1:] == found[:-1]).sum())])], schema=REPEATED)

    blocks = hashes.mapInArrow(cut, from_arrow_schema(BLOCKS))
    compared = blocks.repartitionById(parts, F.col("part")).mapInArrow(compare, from_arrow_schema(REPEATED))
    return _total(compared, "repeated")


def _gathered(batches: Iterable[pa.RecordBatch]) -> Iterator[Hashes]:
    """Yield a task's hashes, sorted, many at a time: each yield makes a block for every part."""
    held: list[Hashes] = []
    for batch in batches:
        held.append(batch.column(0).to_numpy().view(np.uint64))
        if sum(map(len, held)) >= HASHES_AT_ONCE:
            yield np.sort(np.concatenate(held))
            held = []
    if held:
        yield np.sort(np.concatenate(held))


def _total(frame: DataFrame, column: str) -> int:
    found = frame.agg(F.sum(column)).first()
    return int(found[0] or 0) if found else 0
