"""The references count what the task says, whatever the baskets; and two answers are told apart by any cell."""

import itertools
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from benchmarks.graph import baskets
from benchmarks.graph.engines import DUCKDB, POLARS, REFERENCES, read_pairs, start_engine
from benchmarks.graph.engines.in_duckdb import InDuckdb
from benchmarks.graph.engines.in_polars import InPolars
from benchmarks.graph.task import COLUMNS, Engine, fingerprint

Rows = list[tuple[int, int]]
ONE_TOO_LARGE = [(1, item) for item in range(61)] + [(2, 0), (2, 1), (3, 0), (3, 1)]
LARGEST_KEPT = [(1, item) for item in range(60)] + [(2, 0), (2, 1), (3, 0), (4, 9)]


def expected(rows: Rows) -> set[tuple[int, ...]]:
    """Count in plain Python what the task says."""
    found: dict[int, set[int]] = {}
    for order, product in rows:
        found.setdefault(order, set()).add(product)
    kept = [sorted(items) for items in found.values() if 2 <= len(items) <= 60]
    sold = Counter(item for items in kept for item in items)
    met = Counter(pair for items in kept for pair in itertools.combinations(items, 2))
    return {(*pair, n, sold[pair[0]], sold[pair[1]]) for pair, n in met.items() if n >= 2}


def counted(name: str, engine: Engine, rows: Rows) -> list[tuple[int, ...]]:
    with tempfile.TemporaryDirectory() as home:
        table = baskets.as_table(np.array([order for order, _ in rows]), np.array([product for _, product in rows]))
        files = baskets.keep_orders(Path(home) / "orders", lambda: [table[: len(rows) // 2], table[len(rows) // 2 :]])
        engine.count(files, Path(home) / "out")
        return [tuple(row.values()) for batch in read_pairs(name, Path(home) / "out") for row in batch.to_pylist()]


@pytest.mark.parametrize(("name", "engine"), [(DUCKDB, InDuckdb()), (POLARS, InPolars())])
@settings(max_examples=25)
@given(rows=st.lists(st.tuples(st.integers(1, 6), st.integers(1, 8)), min_size=1, max_size=40))
@example(rows=ONE_TOO_LARGE)
@example(rows=LARGEST_KEPT)
def test_a_reference_counts_what_the_task_says(name: str, engine: Engine, rows: Rows) -> None:
    found = counted(name, engine, rows)
    assert len(found) == len(set(found))
    assert set(found) == expected(rows)


def test_an_engine_is_known_by_the_name_of_its_figures() -> None:
    assert isinstance(start_engine(DUCKDB), InDuckdb)
    assert {DUCKDB, POLARS} < set(REFERENCES)


def batch(rows: list[tuple[int, int, int, int, int]], kind: pa.DataType | None = None) -> pa.RecordBatch:
    columns = [pa.array(column, pa.int64()) for column in zip(*rows, strict=True)]
    if kind is not None:
        columns[:2] = [column.cast(kind) for column in columns[:2]]
    return pa.record_batch(columns, names=list(COLUMNS))


ROWS = [(1, 2, 3, 4, 5), (2, 30, 7, 8, 9), (1, 30, 2, 4, 9)]


def test_a_fingerprint_knows_no_order_and_no_batches() -> None:
    assert fingerprint([batch(ROWS)]) == fingerprint([batch(ROWS[:0:-1]), batch(ROWS[:1])])
    assert fingerprint([batch(ROWS)]).rows == 3


def test_a_fingerprint_knows_no_direction_and_reads_ids_that_are_text() -> None:
    turned = [(dst, src, n, n_dst, n_src) for src, dst, n, n_src, n_dst in ROWS]
    assert fingerprint([batch(ROWS)]) == fingerprint([batch(turned, pa.string())])


@given(row=st.integers(0, 2), column=st.integers(0, 4), by=st.integers(1, 1_000))
def test_a_fingerprint_changes_with_any_cell(row: int, column: int, by: int) -> None:
    changed = [list(values) for values in ROWS]
    changed[row][column] += 100 * by
    assert fingerprint([batch(ROWS)]) != fingerprint([batch([tuple(values) for values in changed])])  # type: ignore[misc]


def test_a_fingerprint_counts_rows_that_come_twice() -> None:
    assert fingerprint([batch(ROWS), batch(ROWS)]) != fingerprint([batch(ROWS)])


def test_nothing_has_a_fingerprint() -> None:
    assert fingerprint([]).rows == 0
