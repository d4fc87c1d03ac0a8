"""What users bought one after the other: directed (then_bought), or within some days of each other in either order (in_window).

A user counts once a pair, by the earliest of its meetings, an open one where there is one; ``amount`` is how many days lay between.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np

from spark_jobs.pairs.counts import starts_of, sum_keys
from spark_jobs.pairs.kernel import CHUNK, PAIR, Found, Limits, left_out, own_counts
from spark_jobs.pairs.keys import ITEM_BITS, Bools, Ints, month_at, pack
from spark_jobs.pairs.units import Entries, group_units, take_units

DAY_S = 86_400
ROWS = 2 ** (64 - 2 * ITEM_BITS) - 1
"""Users that are looked at together: their position stands in a 64-bit number beside two items."""
PURCHASES_AN_ITEM = 4
"""Who buys each of the most items that a user may hold more often than this is left out too: meetings grow with its square."""


@dataclass(frozen=True, slots=True)
class Met:
    """Meetings of some users, equal lengths; ``row`` is the user's position."""

    row: Ints
    src: Ints
    dst: Ints
    at: Ints
    lag: Ints
    held: Bools


def count_timelines(entries: Entries, limits: Limits, *, directed: bool) -> Iterator[Found]:
    """Yield what users bought after each other: later and from another basket where ``directed``, else within the days in any order."""
    ordered = entries.take(np.lexsort((entries.number, entries.at, entries.unit)))
    every, starts = group_units(ordered), starts_of(ordered.unit)
    lengths = np.diff(starts, append=len(ordered))
    small = (every.sizes <= limits.max_items) & (lengths <= PURCHASES_AN_ITEM * limits.max_items)
    yield from left_out(every.sizes[~small])
    yield from own_counts(take_units(every, small))
    for length in np.unique(lengths[small & (lengths > 1)]).tolist():
        yield from _meet(ordered, starts[small & (lengths == length)], length, limits.within_days, directed=directed)


def _meet(ordered: Entries, starts: Ints, length: int, within_days: int, *, directed: bool) -> Iterator[Found]:
    """Yield the meetings of users with the same number of purchases, which stand in the order of time."""
    first, second = np.triu_indices(length, 1)
    step = min(ROWS, max(1, CHUNK // len(first)))
    for start in range(0, len(starts), step):
        at = starts[start : start + step, None] + np.arange(length)
        before, after = ordered.take(at[:, first].ravel()), ordered.take(at[:, second].ravel())
        gap = after.at - before.at
        meets = (before.number != after.number) & (gap <= within_days * DAY_S)
        if directed:
            meets &= (gap > 0) & (before.basket != after.basket)
        row = np.repeat(np.arange(len(at)), len(first))
        yield from _count_once(_first_of_each(_met(row[meets], before.take(meets), after.take(meets), directed=directed)))


def _met(row: Ints, before: Entries, after: Entries, *, directed: bool) -> Met:
    ends = (before.number, after.number)
    src, dst = ends if directed else (np.minimum(*ends), np.maximum(*ends))
    return Met(row, src, dst, after.at, (after.at - before.at) // DAY_S, before.held | after.held)


def _first_of_each(met: Met) -> Met:
    """Keep one meeting of each user and pair."""
    whose = met.row.astype(np.uint64) << np.uint64(2 * ITEM_BITS) | met.src.astype(np.uint64) << np.uint64(ITEM_BITS) | met.dst.astype(np.uint64)
    order = np.lexsort((met.lag, met.at, met.held, whose))
    chosen = order[starts_of(whose[order])]
    return Met(*(getattr(met, field.name)[chosen] for field in fields(met)))


def _count_once(met: Met) -> Iterator[Found]:
    keys, once = pack(met.src, met.dst, month_at(met.at)), np.ones(len(met.src), np.int64)
    for held in (False, True):
        part = met.held == held
        if part.any():
            yield Found(PAIR, held, sum_keys(keys[part], once[part], met.lag[part]))
