"""What a re-ranker learns from: hidden pairs against random items, with features that come from the kept pairs only."""

from dataclasses import dataclass

import numpy as np

from training.dataset import Bools, Floats, Ints, Items, Pairs
from training.mmsc.heuristics import NAMES, PairFeatures
from training.mmsc.pairs import Adjacency, unordered_keys
from training.mmsc.recipe import MmscRecipe
from training.mmsc.stored import StoredVectors

COLUMNS = ("neural", "content", "text", "image", *NAMES)
COLD_SHARE = 0.1
"""Share of hidden pairs whose source is shown as if it were cold."""


@dataclass(frozen=True, slots=True)
class Examples:
    """B hidden pairs: ``features`` (B, C, len(COLUMNS)) of candidates, the true one first; ``valid`` (B, C) marks those that count."""

    features: Floats
    valid: Bools
    weights: Floats
    """(B,) how sure it is that the pair is one, mean 1: most observed pairs of small weight are noise."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """The hidden pairs of a task, ordered by the round that they were drawn in.

    What counting says of a pair is read from all other pairs but those of its round: the graph then lacks as much as it does when a
    list is asked for, not every hidden pair at once. ``cold`` are the same vectors with every item's behaviour lent by others, as if
    all were cold; vectors saw no hidden pair.
    """

    kind: str
    items: Items
    pairs: Pairs
    """All that is known, the hidden ones among them."""
    hidden: Pairs
    rounds: Ints
    vectors: StoredVectors
    cold: StoredVectors
    recipe: MmscRecipe

    def examples(self, at: Ints, negatives: int, rng: np.random.Generator) -> Examples:
        """Return the hidden pairs at the positions ``at``, ascending, each with ``negatives`` uniform items; one that is known to be related is not valid."""
        known = Adjacency.build(self.pairs, len(self.items))
        parts = [self._round(at[self.rounds[at] == number], negatives, known, rng) for number in np.unique(self.rounds[at])]
        features, valid = (np.concatenate(part) for part in zip(*parts, strict=True))
        weights = self.hidden.weights[at] if self.recipe.verdict_weights else np.ones(len(at), dtype=np.float32)
        return Examples(features, valid, weights / max(1e-9, float(weights.mean())))

    def _round(self, at: Ints, negatives: int, known: Adjacency, rng: np.random.Generator) -> tuple[Floats, Bools]:
        heuristics = self._without(self.hidden.where(self.rounds == self.rounds[at[0]]))
        step = heuristics.block
        blocks = [self._block(self.hidden.take(at[start : start + step]), negatives, known, heuristics, rng) for start in range(0, len(at), step)]
        features, valid = (np.concatenate(part) for part in zip(*blocks, strict=True))
        return features, valid

    def _without(self, gone: Pairs) -> PairFeatures:
        size = len(self.items)
        left = (self.pairs.types != self.kind) | ~np.isin(unordered_keys(self.pairs, size), unordered_keys(gone, size))
        return PairFeatures(self.items, self.pairs.where(left), behaviour=self.recipe.reads_behaviour, attributes=self.recipe.reads_attributes)

    def _block(self, part: Pairs, negatives: int, known: Adjacency, heuristics: PairFeatures, rng: np.random.Generator) -> tuple[Floats, Bools]:
        candidates = np.concatenate([part.dst[:, None], rng.integers(0, self.vectors.size, (len(part), negatives))], axis=1)
        cold = rng.random(len(part)) < COLD_SHARE
        similar = np.where(cold[:, None, None], *(v.cosines(self.kind, part.src, candidates) for v in (self.cold, self.vectors)))
        features = np.concatenate([similar, heuristics.rows(self.kind, part.src, candidates, cold)], axis=-1)
        related = known.joined(self.kind, part.src[:, None], candidates)
        related[:, 0] = False
        return features, np.asarray(~related)


def pair_columns(vectors: StoredVectors, heuristics: PairFeatures, kind: str, src: Ints, candidates: Ints) -> Floats:
    """Return (B, C, len(COLUMNS)); B at most ``heuristics.block``."""
    return np.concatenate([vectors.cosines(kind, src, candidates), heuristics.rows(kind, src, candidates)], axis=-1)
