"""Every meeting in a partition's baskets and sessions, counted.

What is found comes as ``Found``: counts of pairs; of the items themselves (how many units hold each; number 0 stands for every unit); and
of the units that were left out for their size, by size. ``held`` ones are reserved for evaluation: the full graph is both kinds together.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from spark_jobs.pairs.counts import Counts, count_keys
from spark_jobs.pairs.keys import Bools, Ints, Keys, as_high, as_low, pack_item
from spark_jobs.pairs.units import Entries, Units, group_units, take_units

PAIR, ITEM, LEFT_OUT = "pair", "item", "left_out"
CHUNK = 2_000_000
"""Meetings that are counted at once: 16 MB of keys."""
FIXED_POINT = 2**20
"""What a meeting in a basket of two amounts to. In a larger one it is 1 / (size - 1) of that: each item gives out one in all."""


@dataclass(frozen=True, slots=True)
class Found:
    """Some counts of one relation."""

    kind: str
    held: bool
    counts: Counts


@dataclass(frozen=True, slots=True)
class Limits:
    """How many distinct items a unit may hold, and how many days two meeting purchases of a user may lie apart."""

    min_items: int
    max_items: int
    within_days: int = 0


def count_baskets(entries: Entries, limits: Limits) -> Iterator[Found]:
    """Yield what every two items of a unit come to."""
    every = group_units(entries)
    yield from left_out(every.sizes[every.sizes > limits.max_items])
    units = take_units(every, (every.sizes >= limits.min_items) & (every.sizes <= limits.max_items))
    yield from own_counts(units)
    for size in np.unique(units.sizes[units.sizes > 1]).tolist():
        yield from _meet(units, np.flatnonzero(units.sizes == size), size)


def left_out(sizes: Ints) -> Iterator[Found]:
    """Yield how many units of each size were too large: their keys are sizes."""
    if len(sizes):
        yield Found(LEFT_OUT, False, count_keys(sizes.astype(np.uint64), 0))


def own_counts(units: Units) -> Iterator[Found]:
    """Yield how many units hold each item, and how many there are; one is held where all of its entries are."""
    if not len(units.month):
        return
    month = np.repeat(units.month, units.sizes)
    yield from split_held(ITEM, pack_item(units.number, month), units.held)
    closed = np.logical_and.reduceat(units.held, units.first[:-1])
    yield from split_held(ITEM, pack_item(np.zeros_like(units.month), units.month), closed)


def _meet(units: Units, chosen: Ints, size: int) -> Iterator[Found]:
    """Yield the meetings of units of one size: their items ascend, so the first of two is the lower."""
    first, second = np.triu_indices(size, 1)
    step = max(1, CHUNK // len(first))
    for start in range(0, len(chosen), step):
        rows = chosen[start : start + step]
        at = units.first[rows][:, None] + np.arange(size)
        low, high = as_low(units.number[at]) | units.month[rows].astype(np.uint64)[:, None], as_high(units.number[at])
        held = units.held[at]
        keys = (low[:, first] | high[:, second]).ravel()
        yield from split_held(PAIR, keys, (held[:, first] | held[:, second]).ravel() if held.any() else None, FIXED_POINT // (size - 1))


def split_held(kind: str, keys: Keys, held: Bools | None, each: int = 0) -> Iterator[Found]:
    """Yield open and held counts of keys, where there are any."""
    if held is None or not held.any():
        yield Found(kind, False, count_keys(keys, each))
        return
    for is_held, part in ((False, keys[~held]), (True, keys[held])):
        if len(part):
            yield Found(kind, is_held, count_keys(part, each))
