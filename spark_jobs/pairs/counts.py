"""Signed counts by key: what a task finds, what the ledger keeps, what publishing folds. Sorted by key, each key once."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from spark_jobs.pairs.keys import BUCKET_SHIFT, BUCKETS, Bools, Ints, Keys

_CUTS = np.arange(1, BUCKETS, dtype=np.uint64) << np.uint64(BUCKET_SHIFT)


@dataclass(frozen=True, slots=True)
class Counts:
    """``n`` meetings a key, and the sum of what each of them amounts to, both integers: sums in any order are equal."""

    keys: Keys
    n: Ints
    amount: Ints

    def __len__(self) -> int:
        return len(self.keys)

    def split(self, step: int = 1) -> list[tuple[int, "Counts"]]:
        """Return the counts of every ``step`` buckets that have any, with the first bucket of each."""
        bounds = [0, *np.searchsorted(self.keys, _CUTS[step - 1 :: step]).tolist(), len(self.keys)]
        ranges = [(k * step, slice(lo, hi)) for k, (lo, hi) in enumerate(pairwise(bounds)) if lo < hi]
        return [(bucket, Counts(self.keys[r], self.n[r], self.amount[r])) for bucket, r in ranges]


EMPTY = Counts(np.zeros(0, np.uint64), np.zeros(0, np.int64), np.zeros(0, np.int64))


def count_keys(keys: Keys, each: int) -> Counts:
    """Count keys in any order, of which every meeting amounts to ``each``."""
    ordered = np.sort(keys)
    starts = starts_of(ordered)
    n = np.diff(starts, append=len(ordered))
    return Counts(ordered[starts], n, n * each)


def sum_keys(keys: Keys, n: Ints, amount: Ints) -> Counts:
    """Add up counts of keys that stand in any order and repeat; what comes to nothing is left out."""
    if not len(keys):
        return EMPTY
    order = np.argsort(keys)
    ordered = keys[order]
    starts = starts_of(ordered)
    summed = Counts(ordered[starts], np.add.reduceat(n[order], starts), np.add.reduceat(amount[order], starts))
    stays = (summed.n != 0) | (summed.amount != 0)
    return summed if stays.all() else Counts(summed.keys[stays], summed.n[stays], summed.amount[stays])


def merge(parts: Sequence[Counts]) -> Counts:
    """Add up counts; a single one is returned as it is."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return EMPTY
    return sum_keys(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("keys", "n", "amount")))


def starts_of(ordered: npt.NDArray[np.generic]) -> Ints:
    """Return where each run of equal values begins in a sorted array."""
    if not len(ordered):
        return np.zeros(0, np.int64)
    return np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))


def in_sorted(values: Keys, among: Keys) -> Bools:
    """Return which values stand in the sorted array ``among``."""
    if not len(among):
        return np.zeros(len(values), np.bool_)
    at = np.minimum(np.searchsorted(among, values), len(among) - 1)
    found: Bools = among[at] == values
    return found
