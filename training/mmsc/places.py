"""Places of lists: items and their scores, and what can be done to them."""

from dataclasses import dataclass

import numpy as np

from training.dataset import Floats, Ints

NOTHING = -1.0
"""Score of a place that no item fills."""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """``items`` and ``scores`` (N, K) of one task, in the order of the list; a place without an item has score ``NOTHING``."""

    items: Ints
    scores: Floats


def best(found: Neighbours, k: int) -> Neighbours:
    """Return the ``k`` highest places of each row, best first; ties by position of the item, so that a re-run is equal."""
    order = np.lexsort((found.items, -found.scores), axis=1)[:, :k]
    return Neighbours(np.take_along_axis(found.items, order, axis=1), np.take_along_axis(found.scores, order, axis=1))


def without_stronger(own: Neighbours, other: Neighbours, *, wins_ties: bool) -> Neighbours:
    """Return ``own`` without the items that score higher in ``other`` (of the same queries)."""
    same = own.items[:, :, None] == other.items[:, None, :]
    there = np.where(same, other.scores[:, None, :], NOTHING).max(-1)
    lost = (there > own.scores) | ((there == own.scores) & (there > NOTHING) & (not wins_ties))
    return Neighbours(own.items, np.where(lost, np.float32(NOTHING), own.scores))
