"""Who learns from whom: what is asked about a unit must not have been learned from it."""

from collections.abc import Iterator

import numpy as np

from training.bundles.lessons import Lessons
from training.dataset import Ints

FIRST = 0.25
"""Share of the units, the earliest, that are learned from and never asked about where units have times."""

Fold = tuple[Ints, Ints]
"""Units to learn from, units to ask about."""


def has_times(lessons: Lessons) -> bool:
    """Return whether the units can be told apart by time."""
    return len(lessons) > 0 and not np.isnat(lessons.times).any() and lessons.times.min() < lessons.times.max()


def split_folds(lessons: Lessons, count: int, *, by_time: bool) -> Iterator[Fold]:
    """Yield folds; by time, each is asked about what comes after all that it learned from, else groups take turns."""
    yield from _by_time(lessons, count) if by_time else _by_group(lessons, count)


def _by_time(lessons: Lessons, count: int) -> Iterator[Fold]:
    """Yield the units before each cut, and those from there to the next; what happened at one time stays together."""
    at = [lessons.times[int(share * len(lessons))] for share in np.linspace(FIRST, 1, count, endpoint=False)]
    cuts = [int(np.searchsorted(lessons.times, time)) or int(np.searchsorted(lessons.times, time, side="right")) for time in at]
    for start, end in zip(cuts, [*cuts[1:], len(lessons)], strict=True):
        if start < end:
            yield np.arange(start), np.arange(start, end)


def _by_group(lessons: Lessons, count: int) -> Iterator[Fold]:
    turn = np.random.default_rng(0).permutation(int(lessons.groups.max(initial=0)) + 1)[lessons.groups] % count
    for fold in range(count):
        learn, ask = np.flatnonzero(turn != fold), np.flatnonzero(turn == fold)
        if len(learn) and len(ask):
            yield learn, ask
