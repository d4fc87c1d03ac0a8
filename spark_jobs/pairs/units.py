"""Units (a basket, a session) out of their entries: which items stand in each, when it was, and what is reserved for evaluation."""

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from spark_jobs.pairs.counts import starts_of
from spark_jobs.pairs.keys import ITEM_BITS, Bools, Ints, month_at


@dataclass(frozen=True, slots=True)
class Entries:
    """Columns of equal length, one row an event in a unit that it belongs to: whole units only, in any order.

    ``at`` is in epoch seconds or ``NO_TIME``; ``basket`` tells the baskets of a user apart; ``viewed`` is false for purchases.
    """

    unit: Ints
    number: Ints
    at: Ints
    basket: Ints
    held: Bools
    viewed: Bools

    def __len__(self) -> int:
        return len(self.unit)

    def take(self, index: npt.NDArray[np.generic]) -> "Entries":
        """Return the rows of an index or a mask."""
        return Entries(*(getattr(self, field.name)[index] for field in fields(self)))


@dataclass(frozen=True, slots=True)
class Units:
    """Units one after the other: the items of unit u are ``number[first[u]:first[u + 1]]``, ascending, each once."""

    first: Ints
    number: Ints
    held: Bools
    month: Ints

    @property
    def sizes(self) -> Ints:
        """Distinct items of each unit."""
        return np.diff(self.first)


def group_units(entries: Entries) -> Units:
    """Return the units. A unit's month is that of its last event; an item is held where all its entries are."""
    order = np.argsort(entries.unit, kind="stable")
    ordinal, starts = _ordinals(entries.unit[order])
    month = month_at(np.maximum.reduceat(entries.at[order], starts)) if len(starts) else np.zeros(0, np.int64)
    codes = np.sort(ordinal << (ITEM_BITS + 1) | entries.number[order] << 1 | entries.held[order])
    codes = codes[starts_of(codes >> 1)]  # of one item's entries an open one comes first
    first = np.searchsorted(codes, np.arange(len(starts) + 1) << (ITEM_BITS + 1))
    return Units(first, codes >> 1 & (2**ITEM_BITS - 1), (codes & 1).astype(np.bool_), month)


def _ordinals(ordered: Ints) -> tuple[Ints, Ints]:
    """Return for each row of sorted units the unit's position, and where each unit begins."""
    starts = starts_of(ordered)
    return np.repeat(np.arange(len(starts)), np.diff(starts, append=len(ordered))), starts


def take_units(units: Units, chosen: Bools) -> Units:
    """Return some of the units."""
    entry = np.repeat(chosen, units.sizes)
    first = np.concatenate(([0], np.cumsum(units.sizes[chosen])))
    return Units(first, units.number[entry], units.held[entry], units.month[chosen])
