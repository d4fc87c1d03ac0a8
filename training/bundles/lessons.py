"""What bundle completion learns from: the curated bundles and the baskets that are not reserved, as item positions."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from goeswith.jobs import JobRun
from training.bundle_cases import MAX_BASKET
from training.dataset import Ints, Times
from training.reserved import Reserved, Units, as_units, read_baskets, read_bundles


@dataclass(frozen=True, slots=True)
class Lessons:
    """U units of two items or more, those of one group beside each other."""

    members: tuple[tuple[int, ...], ...]
    """Item positions, ascending, at most ``MAX_BASKET``."""
    times: Times
    """(U,) NaT where unknown."""
    groups: Ints
    """(U,) a number of the session or author that a unit comes from."""

    def __len__(self) -> int:
        """Return U."""
        return len(self.members)

    def take(self, at: Ints) -> "Lessons":
        """Return the units at some positions."""
        return Lessons(tuple(self.members[i] for i in at), self.times[at], self.groups[at])

    def and_also(self, others: "Lessons") -> "Lessons":
        """Return these units and others behind them; groups of one are none of the other's."""
        apart = int(self.groups.max(initial=-1)) + 1
        times, groups = np.concatenate([self.times, others.times]), np.concatenate([self.groups, others.groups + apart])
        return Lessons((*self.members, *others.members), times, groups)


NOTHING = Lessons((), np.array([], dtype="datetime64[us]"), np.array([], dtype=np.int64))


@dataclass(slots=True)
class BasketSample:
    """Keeps the rows of about ``limit`` baskets: those whose ids hash lowest, so a basket is kept whole whatever batch its rows are in."""

    limit: int
    without: frozenset[str]
    below: int = 2**32
    kept: set[str] = field(default_factory=set)

    def keep(self, rows: pa.Table) -> pa.Table:
        """Return the rows of the baskets that are kept as yet; those of earlier batches may be too many by now."""
        names = [name for name in pc.unique(rows["basket_id"]).to_pylist() if name is not None and name not in self.without]
        self.kept |= {name for name in names if _hash(name) < self.below}
        while len(self.kept) > self.limit:
            self.below = self.below * 3 // 4
            self.kept = {name for name in self.kept if _hash(name) < self.below}
        return rows.filter(pc.is_in(rows["basket_id"], value_set=pa.array([name for name in names if name in self.kept], pa.string())))


def _hash(name: str) -> int:
    return zlib.crc32(name.encode())


def read_bundle_lessons(job: JobRun, index: Mapping[str, int], reserved: Sequence[Reserved]) -> Lessons:
    """Read the curated bundles that no split of ``reserved`` holds."""
    rows = read_bundles(job)
    held = pa.array(sorted(set().union(*(split.bundles for split in reserved))), pa.string())
    return as_lessons(as_units(rows.filter(pc.invert(pc.is_in(rows["bundle_id"], value_set=held))), "bundle_id", "known_at", "bundles"), index)


def read_basket_lessons(job: JobRun, index: Mapping[str, int], reserved: Sequence[Reserved], limit: int) -> Lessons:
    """Read the baskets that no split of ``reserved`` holds, about ``limit`` of them."""
    sample = BasketSample(limit, frozenset().union(*(split.baskets for split in reserved)))
    return as_lessons(read_baskets(job, sample.keep), index)


def as_lessons(units: Units, index: Mapping[str, int]) -> Lessons:
    """Return the units of two or more known items, in the order of their time, then of their groups."""
    members = [tuple(sorted(index[item] for item in unit if item in index))[:MAX_BASKET] for unit in units.members]
    _, groups = np.unique(np.array(units.groups, dtype=np.str_), return_inverse=True)
    whole = np.array([i for i, unit in enumerate(members) if len(unit) > 1], dtype=np.int64)
    order = whole[np.lexsort((groups[whole], units.times[whole]))] if len(whole) else whole
    return Lessons(tuple(members[i] for i in order), units.times[order], groups[order].astype(np.int64))


def without_pairs_of(lessons: Lessons, tested: Lessons) -> Lessons:
    """Return the units that hold no pair of items of a tested unit: sessions were annotated more than once (models.md section 3)."""
    pairs = {pair for unit in tested.members for pair in combinations(unit, 2)}
    return lessons.take(np.array([i for i, unit in enumerate(lessons.members) if pairs.isdisjoint(combinations(unit, 2))], dtype=np.int64))
