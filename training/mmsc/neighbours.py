"""The best substitutes and complements of every item: retrieve by vector and by graph, re-rank, keep each item in one list only."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from goeswith.progress import progress
from training.dataset import Floats, Ints, Items
from training.mmsc.recipe import KINDS
from training.mmsc.scorer import MmscScorer

BY_VECTOR, BY_GRAPH = 60, 40
"""Candidates a query and task before re-ranking."""
NOTHING = -1.0
"""Score of a place that no item fills."""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Best first: ``items`` and ``scores`` (N, K) of one task; a place without an item has score ``NOTHING``."""

    items: Ints
    scores: Floats


def rank_all(scorer: MmscScorer, items: Items, k: int) -> dict[str, Neighbours]:
    """Return both lists of every item, in blocks: never N x N at once.

    The item itself and its variants are left out; an item that stands in both lists of a query stays where it scores higher.
    """
    family = family_codes(items)
    size, step = len(items), scorer.heuristics.block
    found: dict[str, list[Neighbours]] = {kind: [] for kind in KINDS}
    with progress("neighbours", size, unit="items") as advance:
        for start in range(0, size, step):
            src = np.arange(start, min(size, start + step))
            both = {kind: _rank(scorer, kind, src, family, 2 * k) for kind in KINDS}
            for kind, other in zip(KINDS, reversed(KINDS), strict=True):
                found[kind].append(best(without_stronger(both[kind], both[other], kind == KINDS[0]), k))
            advance(len(src), "")
    return {kind: Neighbours(np.concatenate([n.items for n in parts]), np.concatenate([n.scores for n in parts])) for kind, parts in found.items()}


def family_codes(items: Items) -> Ints:
    """Return (N,) one code a family of variants: items that vary one another share it."""
    position = items.positions()
    codes = {name: i for i, name in enumerate(sorted({v for v in items.variant_of if v and v not in position}), start=len(items))}
    own = [position.get(v, codes.get(v, i)) if v else i for i, v in enumerate(items.variant_of)]
    return np.array(own, dtype=np.int64)


def _rank(scorer: MmscScorer, kind: str, src: Ints, family: Ints, count: int) -> Neighbours:
    candidates = np.concatenate([_by_vector(scorer, kind, src), scorer.heuristics.nearest(kind, src, BY_GRAPH)], axis=1)
    candidates = np.sort(candidates, axis=1)
    repeated = np.zeros(candidates.shape, dtype=np.bool_)
    repeated[:, 1:] = candidates[:, 1:] == candidates[:, :-1]
    scores = scorer.score(kind, src, candidates)
    scores[repeated | (family[candidates] == family[src][:, None])] = NOTHING
    return best(Neighbours(candidates, scores), count)


def _by_vector(scorer: MmscScorer, kind: str, src: Ints) -> Ints:
    """Return the nearest by vector; the query itself fills places that a small catalogue leaves empty."""
    return scorer.vectors.nearest(kind, src, min(BY_VECTOR, scorer.vectors.size))


def best(found: Neighbours, k: int) -> Neighbours:
    """Return the ``k`` highest places of each row, best first; ties by position of the item, so that a re-run is equal."""
    order = np.lexsort((found.items, -found.scores), axis=1)[:, :k]
    return Neighbours(np.take_along_axis(found.items, order, axis=1), np.take_along_axis(found.scores, order, axis=1))


def without_stronger(own: Neighbours, other: Neighbours, wins_ties: bool) -> Neighbours:
    """Return ``own`` without the items that score higher in ``other`` (of the same queries)."""
    same = own.items[:, :, None] == other.items[:, None, :]
    there = np.where(same, other.scores[:, None, :], NOTHING).max(-1)
    lost = (there > own.scores) | ((there == own.scores) & (there > NOTHING) & (not wins_ties))
    return Neighbours(own.items, np.where(lost, np.float32(NOTHING), own.scores))


def belongs_elsewhere(own: Floats, other: Floats) -> npt.NDArray[np.bool_]:
    """Return which of all items (N,) stand out in the other relation to a query at least as far as in this one, by vectors alone.

    Both scores are cosines of differently trained spaces, so each is counted in standard deviations from what the query scores
    with the whole catalogue; below the mean nothing stands out. What is served for a new item obeys it.
    """
    elsewhere = _standing(other)
    return np.asarray((elsewhere > 0) & (elsewhere >= _standing(own)))


def _standing(scores: Floats) -> Floats:
    return np.asarray((scores - scores.mean()) / max(float(scores.std()), 1e-6), dtype=np.float32)
