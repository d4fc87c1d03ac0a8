"""The kernel on small and on random entries, held against counting pair by pair; no JVM."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_jobs.pairs import kernel, keys
from spark_jobs.pairs.browsing import count_browsing
from spark_jobs.pairs.counts import merge
from spark_jobs.pairs.kernel import FIXED_POINT, ITEM, LEFT_OUT, PAIR, Found, Limits, count_baskets
from spark_jobs.pairs.timelines import count_timelines
from spark_jobs.pairs.units import Entries

DAY_S = 86_400
START_S = 1_700_000_000
LIMITS = Limits(1, 60, within_days=30)
Row = tuple[int, int, int, int, bool, bool]
"""Unit, item, day (-1: no time), basket, held, viewed."""


def rows_of(*, viewed: bool = False, held: bool = False) -> st.SearchStrategy[list[Row]]:
    flags = [st.booleans() if flag else st.just(False) for flag in (held, viewed)]
    one = st.tuples(st.integers(0, 5), st.integers(1, 8), st.integers(0, 90), st.integers(0, 3), *flags)
    return st.lists(one, min_size=1, max_size=50)


def entries(rows: Iterable[Row]) -> Entries:
    unit, number, day, basket, held, viewed = (np.array(column) for column in zip(*rows, strict=True))
    at = np.where(day < 0, keys.NO_TIME, START_S + day * DAY_S)
    return Entries(unit, number, at, basket, held, viewed)


def counted(found: Iterable[Found], kind: str = PAIR, *, held: bool | None = None, amounts: bool = False) -> dict[tuple[int, int], int]:
    """Return {(src, dst): n} or amounts, over all months."""
    whole = merge([part.counts for part in found if part.kind == kind and held in (None, part.held)])
    low, high, back = keys.low_of(whole.keys), keys.high_of(whole.keys), keys.back_of(whole.keys)
    ends = zip(np.where(back, high, low).tolist(), np.where(back, low, high).tolist(), strict=True)
    total: Counter[tuple[int, int]] = Counter()
    for end, n in zip(ends, (whole.amount if amounts else whole.n).tolist(), strict=True):
        total[end] += n
    return dict(total)


def items_by_unit(rows: Iterable[Row]) -> dict[int, set[int]]:
    units: dict[int, set[int]] = defaultdict(set)
    for unit, number, *_ in rows:
        units[unit].add(number)
    return units


@given(rows_of())
def test_every_two_items_of_a_basket_meet_once(rows: list[Row]) -> None:
    naive = Counter(pair for items in items_by_unit(rows).values() for pair in combinations(sorted(items), 2))
    assert counted(count_baskets(entries(rows), LIMITS)) == naive


@given(rows_of())
def test_items_and_units_are_counted_beside_the_pairs(rows: list[Row]) -> None:
    units = items_by_unit(rows)
    own = Counter((item, item) for items in units.values() for item in items)
    assert counted(count_baskets(entries(rows), LIMITS), ITEM) == {**own, (0, 0): len(units)}


def test_a_meeting_weighs_one_over_the_others_of_its_basket() -> None:
    found = list(count_baskets(entries([(1, item, 0, 0, False, False) for item in (3, 5, 7)]), LIMITS))
    assert counted(found, amounts=True) == dict.fromkeys([(3, 5), (3, 7), (5, 7)], FIXED_POINT // 2)


def test_meetings_stand_under_the_month_of_the_basket_s_last_event() -> None:
    rows: list[Row] = [(1, 3, 0, 0, False, False), (1, 5, 40, 0, False, False)]
    (pair,) = [part.counts for part in count_baskets(entries(rows), LIMITS) if part.kind == PAIR]
    assert keys.month_of(pair.keys).tolist() == keys.month_at(np.array([START_S + 40 * DAY_S])).tolist()


def test_baskets_that_are_too_large_are_left_out_and_counted_by_size() -> None:
    rows: list[Row] = [(unit, item, -1, 0, False, False) for unit, size in ((1, 4), (2, 4), (3, 9), (4, 2)) for item in range(1, size + 1)]
    found = list(count_baskets(entries(rows), Limits(1, 3)))
    (sizes,) = [part.counts for part in found if part.kind == LEFT_OUT]
    assert dict(zip(sizes.keys.tolist(), sizes.n.tolist(), strict=True)) == {4: 2, 9: 1}
    assert counted(found) == {(1, 2): 1}


@given(rows_of(held=True))
def test_a_meeting_is_held_where_either_item_is(rows: list[Row]) -> None:
    held_items = {(unit, number): True for unit, number, *_ in rows}
    for unit, number, _, _, held, _ in rows:
        held_items[unit, number] &= held
    naive: dict[bool, Counter[tuple[int, int]]] = {True: Counter(), False: Counter()}
    for unit, items in items_by_unit(rows).items():
        for a, b in combinations(sorted(items), 2):
            naive[held_items[unit, a] or held_items[unit, b]][a, b] += 1
    found = list(count_baskets(entries(rows), LIMITS))
    assert [counted(found, held=held) for held in (False, True)] == [naive[False], naive[True]]


@given(rows_of(), st.integers(1, 7))
def test_the_size_of_chunks_changes_nothing(rows: list[Row], chunk: int) -> None:
    whole = counted(count_baskets(entries(rows), LIMITS))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel, "CHUNK", chunk)
        assert counted(count_baskets(entries(rows), LIMITS)) == whole


def follows(a: Row, b: Row, within: int) -> bool:
    return a[0] == b[0] and a[1] != b[1] and a[3] != b[3] and 0 < b[2] - a[2] <= within


@given(rows_of())
def test_then_bought_counts_a_user_once_by_the_earliest_meeting_and_its_days(rows: list[Row]) -> None:
    met: dict[tuple[int, int, int], tuple[int, int]] = {}
    for a, b in product(rows, rows):
        if follows(a, b, LIMITS.within_days):
            whose, times = (a[0], a[1], b[1]), (b[2], b[2] - a[2])
            met[whose] = min(met.get(whose, times), times)
    n, days = Counter(pair[1:] for pair in met), Counter[tuple[int, int]]()
    for (_, src, dst), (_, lag) in met.items():
        days[src, dst] += lag
    found = list(count_timelines(entries(rows), LIMITS, directed=True))
    assert counted(found) == n
    assert counted(found, amounts=True) == days


@given(rows_of())
def test_in_window_has_no_direction_and_takes_the_same_basket_too(rows: list[Row]) -> None:
    near = {(a[0], a[1], b[1]) for a, b in product(rows, rows) if a[0] == b[0] and a[1] < b[1] and abs(a[2] - b[2]) <= LIMITS.within_days}
    assert counted(count_timelines(entries(rows), LIMITS, directed=False)) == Counter(pair[1:] for pair in near)


def test_who_buys_the_same_few_items_without_end_is_left_out() -> None:
    rows: list[Row] = [(1, item, day, day, False, False) for day in range(50) for item in (1, 2)]
    found = list(count_timelines(entries(rows), Limits(1, 10, within_days=90), directed=True))
    assert {part.kind for part in found} == {LEFT_OUT}


@given(rows_of(viewed=True))
def test_bought_instead_joins_what_was_only_viewed_with_what_was_bought(rows: list[Row]) -> None:
    naive: Counter[tuple[int, int]] = Counter()
    as_src: Counter[int] = Counter()
    for unit in {row[0] for row in rows}:
        bought = {row[1] for row in rows if row[0] == unit and not row[5]}
        viewed = {row[1] for row in rows if row[0] == unit} - bought
        naive.update(product(viewed, bought))
        as_src.update(viewed if bought else ())
    found = list(count_browsing(entries(rows), LIMITS))
    assert counted(found) == naive
    own = merge([part.counts for part in found if part.kind == ITEM])
    is_src = keys.back_of(own.keys)
    found_src: Counter[int] = Counter()
    for item, n in zip(keys.low_of(own.keys[is_src]).tolist(), own.n[is_src].tolist(), strict=True):
        found_src[item] += n
    assert found_src == as_src


@given(rows_of(viewed=True), st.integers(1, 5))
def test_sessions_in_small_chunks_come_to_the_same(rows: list[Row], chunk: int) -> None:
    whole = counted(count_browsing(entries(rows), LIMITS))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("spark_jobs.pairs.browsing.CHUNK", chunk)
        assert counted(count_browsing(entries(rows), LIMITS)) == whole
