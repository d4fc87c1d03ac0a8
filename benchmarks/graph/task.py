"""What every engine is asked: read baskets, count pairs, write them. And how two engines' answers are told to be the same.

Baskets are Parquet files of (order_id, product_id), both int64. Of those with 2 to 60 distinct items every pair that stands in two
or more is written, once, with how many of these baskets hold it (n), its one item (n_src) and its other (n_dst).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.dataset as ds

MIN_BASKET, MAX_BASKET, MIN_COUNT = 2, 60, 2
COLUMNS = ("src", "dst", "n", "n_src", "n_dst")
THREADS, MEMORY_GB = 2, 4
"""What every engine may use. DuckDB keeps to the memory by itself; polars knows no limit; Spark's heap leaves 1 GB to its Python workers."""

SELF_JOIN = f"""
with baskets as (select distinct order_id, product_id from orders),
     kept as (select order_id from baskets group by order_id having count(*) between {MIN_BASKET} and {MAX_BASKET}),
     entries as (select baskets.order_id, baskets.product_id from baskets join kept on baskets.order_id = kept.order_id),
     sold as (select product_id, count(*) as n from entries group by product_id),
     met as (select a.product_id as src, b.product_id as dst, count(*) as n from entries a
             join entries b on a.order_id = b.order_id and a.product_id < b.product_id
             group by a.product_id, b.product_id having count(*) >= {MIN_COUNT})
select met.src, met.dst, met.n, one.n as n_src, other.n as n_dst
from met join sold one on met.src = one.product_id join sold other on met.dst = other.product_id
"""  # noqa: S608 - constants of ours
"""The task as SQL, over a view ``orders``."""

Orders = Sequence[Path]
"""Parquet files that together are the baskets."""
Words = npt.NDArray[np.uint64]


class Engine(Protocol):
    """One way to do the task. Making it starts its session, which no bench counts."""

    def count(self, orders: Orders, out: Path) -> None:
        """Count pairs and write them below the folder ``out``."""

    def measures(self) -> dict[str, float]:
        """Return what the engine itself knows of its work, by metric."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Number of rows, and a sum of 64-bit hashes of them that their order does not change."""

    rows: int
    checksum: int


def fingerprint(batches: Iterable[pa.RecordBatch]) -> Fingerprint:
    """Return the fingerprint of pairs (``COLUMNS``, integers). Which end of a pair is called src does not matter."""
    rows, checksum = 0, 0
    for batch in batches:
        src, dst, n, n_src, n_dst = (batch[name].cast(pa.int64()).to_numpy(zero_copy_only=False).astype(np.uint64) for name in COLUMNS)
        turned = src > dst
        ends = np.where(turned, dst, src), np.where(turned, src, dst), np.where(turned, n_dst, n_src), np.where(turned, n_src, n_dst)
        rows += batch.num_rows
        checksum += int(_hash((*ends, n)).sum(dtype=np.uint64))
    return Fingerprint(rows, checksum % 2**64)


def _hash(columns: Sequence[Words]) -> Words:
    """Return a hash a row: splitmix64's finaliser (Steele et al. 2014) over the columns in turn."""
    state = np.zeros(len(columns[0]), np.uint64)
    for column in columns:
        state = (state ^ column) + np.uint64(0x9E3779B97F4A7C15)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        state ^= state >> np.uint64(31)
    return state


def read_parquet_pairs(out: Path) -> Iterable[pa.RecordBatch]:
    """Yield the pairs that an engine wrote as Parquet files."""
    dataset: Any = ds.dataset(sorted(out.glob("**/*.parquet")))
    yield from dataset.to_batches(columns=list(COLUMNS))
