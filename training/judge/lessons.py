"""What the judge learns from: pairs of described items, each with a label."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from goeswith.errors import TrainingStopped
from goeswith.pair_judge.item import Item
from training.dataset import Bools, Ints

TRAIN, VALIDATION, TEST, BETWEEN = 0, 1, 2, -1
HELD = {VALIDATION: 0.2, TEST: 0.25}
"""Shares of the items: a pair counts where both of its items do, so about their squares of the pairs."""
MIN_HELD = 20
"""Pairs that validation and test need at least; fewer tell nothing."""


@dataclass(frozen=True, slots=True)
class Lessons:
    """P labelled pairs, in the order in which they were judged."""

    items: Mapping[str, Item]
    src: tuple[str, ...]
    dst: tuple[str, ...]
    labels: Ints
    """(P,) positions in ``LABELS``."""
    finer: tuple[str | None, ...]
    """A finer class where the teacher knows one."""

    def __len__(self) -> int:
        return len(self.src)

    def pairs(self) -> list[tuple[Item, Item]]:
        """Return both items of each pair."""
        return [(self.items[a], self.items[b]) for a, b in zip(self.src, self.dst, strict=True)]

    def take(self, chosen: Bools) -> "Lessons":
        """Return the pairs at which ``chosen`` (P,) is true."""
        at = np.flatnonzero(chosen)
        src, dst = (tuple(ends[i] for i in at) for ends in (self.src, self.dst))
        return replace(self, src=src, dst=dst, labels=self.labels[at], finer=tuple(self.finer[i] for i in at))

    def both_ways(self) -> "Lessons":
        """Return the pairs, and turned round those whose other order was not judged: without a word on it, it says the same."""
        judged = set(zip(self.src, self.dst, strict=True))
        single = self.take(np.array([(b, a) not in judged for a, b in zip(self.src, self.dst, strict=True)], dtype=np.bool_))
        labels = np.concatenate([self.labels, single.labels])
        return replace(self, src=self.src + single.dst, dst=self.dst + single.src, labels=labels, finer=self.finer + single.finer)


def split_pairs(lessons: Lessons, seed: int) -> Ints:
    """Return each pair's part (P,): items are drawn, a pair belongs to the part of both its items, and to none where they differ.

    So no item of a test pair is known from training, and each pair is as likely as any other to be tested.
    Raises ``TrainingStopped`` where a part gets too few pairs.
    """
    ids = sorted({*lessons.src, *lessons.dst})
    drawn = np.random.default_rng(seed).random(len(ids))
    parts = np.select([drawn < HELD[TEST], drawn < HELD[TEST] + HELD[VALIDATION]], [TEST, VALIDATION], TRAIN)
    part_of = dict(zip(ids, parts.tolist(), strict=True))
    split = np.array([part_of[a] if part_of[a] == part_of[b] else BETWEEN for a, b in zip(lessons.src, lessons.dst, strict=True)], dtype=np.int64)
    _require_enough(lessons, split)
    return split


def _require_enough(lessons: Lessons, split: Ints) -> None:
    counts = {name: int((split == part).sum()) for name, part in (("validation", VALIDATION), ("test", TEST))}
    taught = len(set(lessons.labels[split == TRAIN].tolist()))
    if min(counts.values()) < MIN_HELD or taught < 2:
        found = ", ".join(f"{count} pairs in {name}" for name, count in counts.items())
        raise TrainingStopped(
            f"{len(lessons)} labelled pairs are too few for a judge: {found}, {taught} labels in training",
            f"label or judge more pairs: each part needs {MIN_HELD} whose items are in no other part",
        )


def join_lessons(parts: Sequence[Lessons]) -> Lessons:
    """Return the pairs of several lessons behind each other."""
    items = {name: item for part in parts for name, item in part.items.items()}
    src, dst = (tuple(item for part in parts for item in getattr(part, end)) for end in ("src", "dst"))
    finer = tuple(name for part in parts for name in part.finer)
    return Lessons(items, src, dst, np.concatenate([part.labels for part in parts]), finer)


def count_labels(labels: Ints, names: Sequence[str]) -> dict[str, int]:
    """Return how many pairs each label has."""
    return {name: int((labels == i).sum()) for i, name in enumerate(names)}
