"""Keys that hold two items, a direction and a month, and signed counts by key; no JVM."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_jobs.pairs import keys
from spark_jobs.pairs.blocks import collect_buckets, decode, encode, plan_tasks
from spark_jobs.pairs.counts import EMPTY, Counts, count_keys, in_sorted, merge, sum_keys

NUMBERS = st.integers(0, keys.MAX_ITEMS)
MONTHS = st.integers(0, keys.LAST_MONTH)
SIGNED = st.lists(st.tuples(st.integers(0, 2**64 - 1), st.integers(-3, 3), st.integers(-9, 9)), max_size=40)


def counts_of(rows: list[tuple[int, int, int]]) -> Counts:
    keys_ = np.array([row[0] for row in rows], dtype=np.uint64)
    n, amount = (np.array([row[k] for row in rows], dtype=np.int64) for k in (1, 2))
    return sum_keys(keys_, n, amount)


@given(NUMBERS, NUMBERS, MONTHS)
def test_a_key_gives_back_what_was_packed(src: int, dst: int, month: int) -> None:
    key = keys.pack(np.array([src]), np.array([dst]), np.array([month]))
    assert (keys.low_of(key)[0], keys.high_of(key)[0]) == (min(src, dst), max(src, dst))
    assert (bool(keys.back_of(key)[0]), int(keys.month_of(key)[0])) == (src > dst, month)


@given(NUMBERS, NUMBERS, MONTHS, MONTHS)
def test_all_months_and_directions_of_a_pair_are_neighbours(a: int, b: int, month: int, other: int) -> None:
    there, back = keys.pack(np.array([a, a]), np.array([b, b]), np.array([month, other])), keys.pack(np.array([b]), np.array([a]), np.array([month]))
    assert len(np.unique(keys.pair_of(np.concatenate([there, back])))) == 1
    assert len(np.unique(keys.way_of(there))) == 1


@pytest.mark.parametrize(
    ("day", "month"), [("1999-12-31", 1), ("2000-01-01", 1), ("2000-02-29", 2), ("2024-01-01T00:00:00", 289), ("2099-01-01", keys.LAST_MONTH)]
)
def test_months_count_from_the_year_2000(day: str, month: int) -> None:
    assert keys.month_at(np.array([np.datetime64(day, "s").astype(np.int64)])).tolist() == [month]


def test_what_has_no_time_has_month_zero() -> None:
    assert keys.month_at(np.array([keys.NO_TIME])).tolist() == [0]


@given(st.lists(st.integers(0, 20), max_size=60), st.integers(0, 7))
def test_counting_keys_is_counting(values: list[int], each: int) -> None:
    found = count_keys(np.array(values, dtype=np.uint64), each)
    assert dict(zip(found.keys.tolist(), found.n.tolist(), strict=True)) == Counter(values)
    assert found.amount.tolist() == [n * each for n in found.n.tolist()]


@given(SIGNED, SIGNED)
def test_sums_do_not_depend_on_the_cut_or_the_order(left: list[tuple[int, int, int]], right: list[tuple[int, int, int]]) -> None:
    whole = counts_of(left + right)
    for parts in ([counts_of(left), counts_of(right)], [counts_of(right), counts_of(left)]):
        found = merge(parts)
        assert [found.keys.tolist(), found.n.tolist(), found.amount.tolist()] == [whole.keys.tolist(), whole.n.tolist(), whole.amount.tolist()]


@given(SIGNED)
def test_what_is_added_and_taken_back_leaves_nothing(rows: list[tuple[int, int, int]]) -> None:
    back = [(key, -n, -amount) for key, n, amount in rows]
    assert len(merge([counts_of(rows), counts_of(back)])) == 0


@given(SIGNED, st.sampled_from([1, -1]))
def test_bytes_give_back_the_counts(rows: list[tuple[int, int, int]], sign: int) -> None:
    counts = counts_of(rows)
    found = decode(*encode(counts, sign))
    assert found.keys.tolist() == counts.keys.tolist()
    assert [found.n.tolist(), found.amount.tolist()] == [(counts.n * sign).tolist(), (counts.amount * sign).tolist()]


@pytest.mark.parametrize(("largest", "width"), [(127, 1), (-128, 1), (128, 2), (2**15, 4), (-(2**31), 4), (2**31, 8)])
def test_counts_take_as_few_bytes_as_the_largest_needs(largest: int, width: int) -> None:
    counts = counts_of([(1, largest, 0), (2, 1, 0)])
    keys_, n, amount = encode(counts)
    assert (len(keys_), len(n), amount) == (16, 2 * width, b"")
    assert decode(keys_, n, amount).n.tolist() == [largest, 1]


def test_blocks_whose_counts_all_take_64_bits_are_read() -> None:
    """Ledgers of before counts were narrow hold these."""
    found = decode(np.array([1, 2], np.uint64).tobytes(), np.array([3, -4], np.int64).tobytes(), np.array([5, 6], np.int64).tobytes())
    assert [found.keys.tolist(), found.n.tolist(), found.amount.tolist()] == [[1, 3], [3, -4], [5, 6]]


@given(SIGNED, st.sampled_from([1, 2, 64, 256]))
def test_splitting_by_bucket_loses_nothing(rows: list[tuple[int, int, int]], step: int) -> None:
    counts = counts_of(rows)
    parts = counts.split(step)
    assert merge([part for _, part in parts]).keys.tolist() == counts.keys.tolist()
    for bucket, part in parts:
        assert set((part.keys >> np.uint64(56)).tolist()) <= set(range(bucket, bucket + step))


def test_blocks_of_several_batches_add_up_by_name_and_bucket() -> None:
    one = counts_of([(5, 1, 0), (2**60, 2, 0)])
    keys_, n, amount = encode(one)
    row = {"relation": 0, "kind": "pair", "held": False, "bucket": 0, "part": 0, "keys": keys_, "n": n, "amount": amount}
    found = dict(collect_buckets([pa.RecordBatch.from_pylist([row, row]), pa.RecordBatch.from_pylist([{**row, "held": True}])]))
    assert sorted(found) == [0, 16]
    assert found[16][0, "pair", False].n.tolist() == [4]
    assert found[16][0, "pair", True].n.tolist() == [2]


@given(st.lists(st.integers(0, 30), max_size=20), st.lists(st.integers(0, 30), max_size=20))
def test_in_sorted_is_membership(values: list[int], among: list[int]) -> None:
    found = in_sorted(np.array(values, dtype=np.uint64), np.array(sorted(among), dtype=np.uint64))
    assert found.tolist() == [value in among for value in values]


def test_an_empty_merge_is_empty() -> None:
    assert len(merge([])) == len(EMPTY) == 0


def test_tasks_grow_with_the_entries_and_never_exceed_the_buckets() -> None:
    assert plan_tasks(0, 4) == plan_tasks(7_000_000, 4)
    assert plan_tasks(10**9, 4).entries == 500
    assert plan_tasks(10**9, 4).counts == keys.BUCKETS
