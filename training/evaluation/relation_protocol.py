"""Substitutes and complements: the true item against random non-neighbours, or the whole catalogue (models.md section 3)."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from goeswith.progress import progress
from training.dataset import Bools, Floats, Ints
from training.evaluation.cases import RelationCases
from training.evaluation.metrics import Values, mean_ranks
from training.scorers import RelationScorer

NEGATIVES = 1_000
BLOCK = 64
"""Queries scored at once: B x N numbers are in memory, never N x N."""


@dataclass(frozen=True, slots=True)
class Block:
    """B queries with their candidates (B, C), the true item in column 0; ``valid`` marks those that count."""

    rows: Ints
    src: Ints
    candidates: Ints
    valid: Bools


def rank_relations(scorer: RelationScorer, cases: RelationCases, *, negatives: int | None, seed: int) -> Values:
    """Return the rank (M,) of each true item among ``negatives`` random non-neighbours (None: all of them).

    The negatives follow from ``seed`` and the cases alone, so every scorer meets the same.
    """
    ranks = np.empty(len(cases))
    with progress(f"{cases.kind}s: {scorer.name}", len(cases), unit=" queries") as advance:
        for block in draw_candidates(cases, negatives=negatives, seed=seed):
            scores = scorer.score(cases.kind, block.src, block.candidates)
            ranks[block.rows] = mean_ranks(scores, block.valid)
            advance(len(block.rows), "")
    return ranks


def draw_candidates(cases: RelationCases, *, negatives: int | None, seed: int) -> Iterator[Block]:
    """Yield the cases in blocks. Neighbours of the query (``cases.known``) and the query itself are no negatives."""
    rng = np.random.default_rng(seed)
    for start in range(0, len(cases), BLOCK):
        rows = np.arange(start, min(start + BLOCK, len(cases)))
        src, dst = cases.src[rows], cases.dst[rows]
        allowed = cases.known[src].toarray() == 0
        each = np.arange(len(rows))
        allowed[each, src] = allowed[each, dst] = False
        others, valid = _choose(allowed, negatives, rng)
        column = np.ones((len(rows), 1), dtype=bool)
        yield Block(rows, src, np.hstack([dst[:, None], others]), np.hstack([column, valid]))


def _choose(allowed: Bools, negatives: int | None, rng: np.random.Generator) -> tuple[Ints, Bools]:
    size = allowed.shape[1]
    if negatives is None or negatives >= size:
        return np.tile(np.arange(size), (len(allowed), 1)), allowed
    keys = np.where(allowed, rng.random(allowed.shape), np.inf)
    chosen = np.argpartition(keys, negatives - 1, axis=1)[:, :negatives]
    return chosen.astype(np.int64), np.take_along_axis(allowed, chosen, axis=1)


def score_pairs(scorer: RelationScorer, kind: str, src: Ints, dst: Ints) -> Floats:
    """Return the score (P,) of each pair, from ``src`` (P,) to ``dst`` (P,)."""
    starts = range(0, len(src), BLOCK)
    blocks = [scorer.score(kind, src[at : at + BLOCK], dst[at : at + BLOCK, None])[:, 0] for at in starts]
    return np.concatenate(blocks) if blocks else np.zeros(0, dtype=np.float32)


def direction_values(scorer: RelationScorer, cases: RelationCases) -> Values:
    """Return 1 for each true pair that scores higher than its reverse, .5 where both are equal, else 0."""
    values = np.empty(len(cases))
    for start in range(0, len(cases), BLOCK):
        src, dst = cases.src[start : start + BLOCK], cases.dst[start : start + BLOCK]
        forth, back = score_pairs(scorer, cases.kind, src, dst), score_pairs(scorer, cases.kind, dst, src)
        values[start : start + BLOCK] = (forth > back) + (forth == back) / 2
    return values
