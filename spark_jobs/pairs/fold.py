"""From the ledger's blocks to one row a pair, relation and graph, by item numbers: all that numpy can say of a pair.

The evaluation graph is what is open, the full graph is that and what is held. ``clean`` labels are P-Companion's (Hao et al. 2020): bought
together and never viewed in one session speaks for a complement, viewed together and never bought for a substitute.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from spark_jobs.pairs.blocks import Name, by_bucket, collect_buckets, decode
from spark_jobs.pairs.counts import EMPTY, Counts, in_sorted, merge, starts_of
from spark_jobs.pairs.kernel import ITEM, LEFT_OUT, PAIR
from spark_jobs.pairs.keys import LAST_MONTH, Bools, Ints, Keys, back_of, high_of, low_of, month_of, pair_of, way_of
from spark_jobs.pairs.relations import RELATIONS, opposite_of

FULL, EVALUATION = "full", "evaluation"
YEAR = 12
TIMES = ("decayed", "season", "first_month", "last_month")
FOLDED = pa.schema(
    [
        ("graph", pa.string()),
        ("relation", pa.int8()),
        ("low", pa.int64()),
        ("high", pa.int64()),
        ("back", pa.bool_()),
        ("n", pa.int64()),
        ("amount", pa.int64()),
        ("clean", pa.bool_()),
        ("decayed", pa.float64()),
        ("season", pa.list_(pa.float32())),
        ("first_month", pa.int32()),
        ("last_month", pa.int32()),
    ]
)
ITEMS = pa.schema([("graph", pa.string()), ("relation", pa.int8()), ("number", pa.int64()), ("as_src", pa.bool_()), ("n", pa.int64())])


@dataclass(frozen=True, slots=True, kw_only=True)
class Folding:
    """Pairs of fewer meetings than ``min_count`` are left out; a meeting halves its worth each ``half_life`` months before a graph's ``now``."""

    graphs: tuple[str, ...] = (FULL, EVALUATION)
    min_count: int = 1
    half_life: float = 12.0
    now: Mapping[str, int] = field(default_factory=dict)


def fold_pairs(ledger: DataFrame, folding: Folding, tasks: int) -> DataFrame:
    """Return one row a graph, relation, pair and direction, with the columns ``FOLDED``."""

    def fold(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for _, found in collect_buckets(batches):
            for graph in folding.graphs:
                counts = _in_graph(found, graph)
                yield from (_as_rows(graph, code, counts, folding) for code in counts)

    return by_bucket(ledger.where(F.col("kind") == PAIR), tasks).mapInArrow(fold, from_arrow_schema(FOLDED))


def fold_items(ledger: DataFrame, graphs: tuple[str, ...], tasks: int) -> DataFrame:
    """Return in how many units each item stands, with the columns ``ITEMS``; number 0 counts all units."""

    def fold(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for _, found in collect_buckets(batches):
            for graph in graphs:
                yield from (_as_items(graph, code, counts) for code, counts in _in_graph(found, graph).items())

    return by_bucket(ledger.where(F.col("kind") == ITEM), tasks).mapInArrow(fold, from_arrow_schema(ITEMS))


def account(ledger: DataFrame) -> dict[str, Any]:
    """Return the units that were counted in the full graph, and those that were left out as too large: how many, the largest, their meetings."""
    units = {row["relation"]: row["n"] for row in fold_items(ledger, (FULL,), 1).where("number = 0").collect()}
    sizes: dict[str, Any] = {}
    for row in ledger.where(F.col("kind") == LEFT_OUT).collect():  # a batch and relation each, as many sizes as there are
        sizes.setdefault(RELATIONS[row["relation"]].name, []).append(decode(row["keys"], row["n"], row["amount"]))
    return {
        "units": {RELATIONS[code].name: n for code, n in units.items()},
        "left_out": {name: _dropped(merge(parts)) for name, parts in sizes.items()},
    }


def _dropped(sizes: Counts) -> dict[str, int]:
    items = sizes.keys.astype(np.int64)
    return {"n": int(sizes.n.sum()), "largest": int(items.max(initial=0)), "meetings": int((sizes.n * items * (items - 1) // 2).sum())}


def _in_graph(found: dict[Name, Counts], graph: str) -> dict[int, Counts]:
    """Return the counts of each relation in a graph; ``found`` is of one kind."""
    parts: dict[int, list[Counts]] = {}
    for (code, _, held), counts in found.items():
        if graph == FULL or not held:
            parts.setdefault(code, []).append(counts)
    return {code: merge(several) for code, several in parts.items()}


def _as_items(graph: str, code: int, counts: Counts) -> pa.RecordBatch:
    starts = starts_of(way_of(counts.keys))
    first = counts.keys[starts]
    columns = (low_of(first), back_of(first), np.add.reduceat(counts.n, starts))
    return pa.RecordBatch.from_arrays([*_names(graph, code, len(first)), *map(pa.array, columns)], schema=ITEMS)


def _as_rows(graph: str, code: int, counts: dict[int, Counts], folding: Folding) -> pa.RecordBatch:
    every = counts[code]
    starts = starts_of(way_of(every.keys))
    lengths = np.diff(starts, append=len(every))
    met = np.add.reduceat(every.n, starts)
    enough = met >= folding.min_count
    entries = np.repeat(enough, lengths)
    found = Counts(every.keys[entries], every.n[entries], every.amount[entries])
    first, amount = every.keys[starts[enough]], np.add.reduceat(every.amount, starts)[enough]
    columns = (low_of(first), high_of(first), back_of(first), met[enough], amount, _is_clean(code, first, counts))
    arrays = [
        *_names(graph, code, len(first)),
        *map(pa.array, columns),
        *_times(found, lengths[enough], folding.now.get(graph, 0), folding.half_life),
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=FOLDED)


def _names(graph: str, code: int, rows: int) -> tuple[pa.Array, pa.Array]:
    return pa.repeat(pa.scalar(graph), rows), pa.array(np.full(rows, code, np.int8))


def _is_clean(code: int, first: Keys, counts: dict[int, Counts]) -> Bools:
    """Return which pairs never met in the relation that speaks for the other type."""
    return ~in_sorted(pair_of(first), pair_of(counts.get(opposite_of(code), EMPTY).keys))


def _times(found: Counts, lengths: Ints, now: int, half_life: float) -> list[pa.Array]:
    """Return the decayed count, the share of each month of the year, and the first and last month of each pair; nulls without times."""
    month = month_of(found.keys)
    if not month.any():
        return [pa.nulls(len(lengths), FOLDED.field(name).type) for name in TIMES]
    pair, starts = np.repeat(np.arange(len(lengths)), lengths), np.cumsum(lengths) - lengths
    n = np.where(month > 0, found.n, 0)
    timed = np.add.reduceat(n, starts) > 0
    decayed = np.bincount(pair, n * np.exp2((month - now) / half_life), len(lengths))
    first, last = np.minimum.reduceat(np.where(month > 0, month, LAST_MONTH), starts), np.maximum.reduceat(month, starts)
    ends = [pa.array(value, pa.int32(), mask=~timed) for value in (first, last)]
    return [pa.array(decayed, mask=~timed), _season(pair, month, n, timed), *ends]


def _season(pair: Ints, month: Ints, n: Ints, timed: Bools) -> pa.Array:
    """Return for each pair which share of its meetings fell into January, February, ...; null where no meeting has a time."""
    counted = np.bincount(pair * YEAR + (month - 1) % YEAR, n, len(timed) * YEAR).reshape(-1, YEAR)
    share = counted / np.maximum(counted.sum(axis=1, keepdims=True), 1)
    offsets = pa.array(np.arange(0, len(timed) * YEAR + 1, YEAR, dtype=np.int32))
    return pa.ListArray.from_arrays(offsets, pa.array(share.ravel().astype(np.float32)), mask=pa.array(~timed))
