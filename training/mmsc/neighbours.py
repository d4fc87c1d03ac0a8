"""The best substitutes and complements of every item: retrieve by vector and by graph, re-rank, keep each item in one list only."""

import numpy as np
import numpy.typing as npt

from goeswith.progress import progress
from training.dataset import Floats, Ints, Items, TrainingSet
from training.mmsc.kinds import learn_kinds
from training.mmsc.places import NOTHING, Neighbours, best, without_stronger
from training.mmsc.recipe import KINDS
from training.mmsc.scorer import MmscScorer

BY_VECTOR, BY_GRAPH = 60, 40
"""Candidates a query and task before re-ranking."""
QUERIES = 512
"""Most of them at once: their candidates are held against each other."""


def rank_all(scorer: MmscScorer, data: TrainingSet, k: int, queries: Ints | None = None) -> dict[str, Neighbours]:
    """Return both lists of every item, or of the ``queries`` (Q,) alone, in blocks: never N x N at once.

    Substitutes stand best first, complements kind by kind in turn. The item itself and its variants are left out; an item that stands in both
    lists of a query stays where it scores higher.
    """
    family, kinds = family_codes(data.items), learn_kinds(data.items, data.pairs)
    asked, step = np.arange(len(data.items)) if queries is None else queries, min(scorer.heuristics.block, QUERIES)
    found: dict[str, list[Neighbours]] = {kind: [] for kind in KINDS}
    with progress("neighbours", len(asked), unit="items") as advance:
        for src in np.array_split(asked, np.arange(step, len(asked), step)):
            substitutes, complements = (_rank(scorer, kind, src, family) for kind in KINDS)
            found[KINDS[0]].append(best(without_stronger(substitutes, complements, wins_ties=True), k))
            left = without_stronger(complements, substitutes, wins_ties=False)
            found[KINDS[1]].append(kinds.seat(best(left, left.items.shape[1]), src, k))
            advance(len(src), "")
    return {kind: Neighbours(np.concatenate([n.items for n in parts]), np.concatenate([n.scores for n in parts])) for kind, parts in found.items()}


def family_codes(items: Items) -> Ints:
    """Return (N,) one code a family of variants: items that vary one another share it."""
    position = items.positions()
    codes = {name: i for i, name in enumerate(sorted({v for v in items.variant_of if v and v not in position}), start=len(items))}
    own = [position.get(v, codes.get(v, i)) if v else i for i, v in enumerate(items.variant_of)]
    return np.array(own, dtype=np.int64)


def _rank(scorer: MmscScorer, kind: str, src: Ints, family: Ints) -> Neighbours:
    """Return every candidate (B, C), scored; a repeated one, the query and its variants are none."""
    candidates = np.concatenate([_by_vector(scorer, kind, src), scorer.heuristics.nearest(kind, src, BY_GRAPH)], axis=1)
    candidates = np.sort(candidates, axis=1)
    repeated = np.zeros(candidates.shape, dtype=np.bool_)
    repeated[:, 1:] = candidates[:, 1:] == candidates[:, :-1]
    scores = scorer.score(kind, src, candidates)
    scores[repeated | (family[candidates] == family[src][:, None])] = NOTHING
    return Neighbours(candidates, scores)


def _by_vector(scorer: MmscScorer, kind: str, src: Ints) -> Ints:
    """Return the nearest by vector; the query itself fills places that a small catalogue leaves empty."""
    return scorer.vectors.nearest(kind, src, min(BY_VECTOR, scorer.vectors.size))


def belongs_elsewhere(own: Floats, other: Floats) -> npt.NDArray[np.bool_]:
    """Return which of all items (N,) stand out in the other relation to a query at least as far as in this one, by vectors alone.

    Both scores are cosines of differently trained spaces, so each is counted in standard deviations from what the query scores
    with the whole catalogue; below the mean nothing stands out. What is served for a new item obeys it.
    """
    elsewhere = standing_of(other)
    return np.asarray((elsewhere > 0) & (elsewhere >= standing_of(own)))


def standing_of(scores: Floats) -> Floats:
    """Return scores of all items (N,) with a query in standard deviations from their mean."""
    return np.asarray((scores - scores.mean()) / max(float(scores.std()), 1e-6), dtype=np.float32)
