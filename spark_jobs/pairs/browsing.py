"""What was viewed in a session in which something else was bought: bought_instead, directed from what was viewed to what was bought.

The items' own counts: an item as src counts the sessions in which it was viewed and not bought, as dst those in which it was bought; all are
counted among the sessions that hold both.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from spark_jobs.pairs.kernel import CHUNK, ITEM, PAIR, Found, Limits, left_out, split_held
from spark_jobs.pairs.keys import Bools, Ints, pack, pack_item
from spark_jobs.pairs.units import Entries, Units, group_units, take_units


@dataclass(frozen=True, slots=True)
class Side:
    """The viewed, or the bought, items of sessions one after the other; ``row`` is an item's session."""

    row: Ints
    number: Ints
    held: Bools


def count_browsing(entries: Entries, limits: Limits) -> Iterator[Found]:
    """Yield what was bought instead of what was viewed."""
    both = np.intersect1d(entries.unit[entries.viewed], entries.unit[~entries.viewed])
    inside = entries.take(np.isin(entries.unit, both))
    every = group_units(inside)
    small = every.sizes <= limits.max_items
    yield from left_out(every.sizes[~small])
    units, bought = take_units(every, small), _is_bought(inside, every)[np.repeat(small, every.sizes)]
    yield from _meet_sides(units, _side(units, ~bought), _side(units, bought))


def _is_bought(inside: Entries, units: Units) -> Bools:
    """Return for each item of the units whether it was bought there, not only viewed."""
    row = np.repeat(np.arange(len(units.month)), units.sizes)
    sold = inside.take(~inside.viewed)
    sold_row = np.searchsorted(np.unique(inside.unit), sold.unit)
    wanted, found = (row << 32) | units.number, (sold_row << 32) | sold.number
    return np.isin(wanted, found)


def _side(units: Units, chosen: Bools) -> Side:
    row = np.repeat(np.arange(len(units.month)), units.sizes)
    return Side(row[chosen], units.number[chosen], units.held[chosen])


def _meet_sides(units: Units, viewed: Side, bought: Side) -> Iterator[Found]:
    told = np.bincount(viewed.row, minlength=len(units.month)) > 0  # a session in which all that was viewed was bought says nothing
    yield from _own_counts(units, told, viewed, bought)
    n_bought = np.bincount(bought.row, minlength=len(units.month))
    first_bought = np.concatenate(([0], np.cumsum(n_bought)))[:-1]
    meetings = np.concatenate(([0], np.cumsum(n_bought[viewed.row])))
    for lo, hi in _chunks(meetings):
        times = n_bought[viewed.row[lo:hi]]
        left = np.repeat(np.arange(lo, hi), times)
        within = np.arange(len(left)) - np.repeat(np.cumsum(times) - times, times)
        right = first_bought[viewed.row[left]] + within
        keys = pack(viewed.number[left], bought.number[right], units.month[viewed.row[left]])
        yield from split_held(PAIR, keys, viewed.held[left] | bought.held[right])


def _chunks(meetings: Ints) -> Iterator[tuple[int, int]]:
    """Yield ranges of viewed items that have about ``CHUNK`` meetings; ``meetings`` counts those before each."""
    lo, last = 0, len(meetings) - 1
    while lo < last:
        hi = max(lo + 1, int(np.searchsorted(meetings, meetings[lo] + CHUNK, side="right")) - 1)
        yield lo, hi
        lo = hi


def _own_counts(units: Units, told: Bools, viewed: Side, bought: Side) -> Iterator[Found]:
    for side, as_src in ((viewed, True), (bought, False)):
        kept = told[side.row]
        if kept.any():
            keys = pack_item(side.number[kept], units.month[side.row[kept]], as_src=as_src)
            yield from split_held(ITEM, keys, side.held[kept])
    if told.any():
        closed = np.logical_and.reduceat(units.held, units.first[:-1])[told]
        yield from split_held(ITEM, pack_item(np.zeros(int(told.sum()), np.int64), units.month[told]), closed)
