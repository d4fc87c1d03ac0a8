"""What a re-ranker learns from: hidden pairs against random items, with features that come from the kept pairs only."""

from dataclasses import dataclass
from itertools import product

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
    """The hidden pairs of a task, and the ``rounds`` (P,) in which each was drawn.

    What counting says of a pair is read from the pairs that are ``known`` but for those of its round: the graph then lacks as much as it does
    when a list is asked for, not every hidden pair at once. ``cold`` are the same vectors with every item's behaviour lent by others, as if
    all were cold; vectors saw no hidden pair.
    """

    kind: str
    items: Items
    pairs: Pairs
    """All there are, the hidden ones among them."""
    known: Pairs
    hidden: Pairs
    rounds: Ints
    vectors: StoredVectors
    cold: StoredVectors
    recipe: MmscRecipe
    new: Bools
    """(N,) items of which ``known`` says nothing."""

    def examples(self, at: Ints, negatives: int, rng: np.random.Generator) -> Examples:
        """Return the hidden pairs at the positions ``at``, each with ``negatives`` uniform items; one that is known to be related is not valid.

        Of a share ``recipe.bare`` of the pairs the other task's edge is hidden as well.
        """
        known, bare = Adjacency.build(self.pairs, len(self.items)), rng.random(len(at)) < self.recipe.bare
        alike = [np.flatnonzero((self.rounds[at] == number) & (bare == both)) for number, both in product(np.unique(self.rounds[at]), (False, True))]
        parts = [self._apart(at[group], bool(bare[group[0]]), negatives, known, rng) for group in alike if len(group)]
        order = np.argsort(np.concatenate(alike))
        features, valid = (np.concatenate(part)[order] for part in zip(*parts, strict=True))
        weights = self.hidden.weights[at] if self.recipe.verdict_weights else np.ones(len(at), dtype=np.float32)
        return Examples(features, valid, weights / max(1e-9, float(weights.mean())))

    def _apart(self, at: Ints, bare: bool, negatives: int, known: Adjacency, rng: np.random.Generator) -> tuple[Floats, Bools]:
        """Return features and validity of pairs of one round, read from a graph without them."""
        heuristics = self._without(self.hidden.where(self.rounds == self.rounds[at[0]]), self.hidden.take(at if bare else at[:0]))
        step = heuristics.block
        blocks = [self._block(self.hidden.take(at[start : start + step]), negatives, known, heuristics, rng) for start in range(0, len(at), step)]
        features, valid = (np.concatenate(part) for part in zip(*blocks, strict=True))
        return features, valid

    def _without(self, gone: Pairs, bare: Pairs) -> PairFeatures:
        """Return features from a graph without the own edges of ``gone`` and without any edge of ``bare``."""
        keys, own = unordered_keys(self.known, len(self.items)), self.known.types == self.kind
        lost = np.where(own, *(np.isin(keys, unordered_keys(pairs, len(self.items))) for pairs in (gone, bare)))
        return PairFeatures.for_recipe(self.recipe, self.items, self.known.where(~lost))

    def _block(self, part: Pairs, negatives: int, known: Adjacency, heuristics: PairFeatures, rng: np.random.Generator) -> tuple[Floats, Bools]:
        candidates = np.concatenate([part.dst[:, None], self._negatives((len(part), negatives), rng)], axis=1)
        cold = rng.random(len(part)) < COLD_SHARE
        similar = np.where(cold[:, None, None], *(v.cosines(self.kind, part.src, candidates) for v in (self.cold, self.vectors)))
        features = np.concatenate([similar, heuristics.rows(self.kind, part.src, candidates, cold)], axis=-1)
        related = known.joined(self.kind, part.src[:, None], candidates)
        related[:, 0] = False
        return features, np.asarray(~related)

    def _negatives(self, shape: tuple[int, int], rng: np.random.Generator) -> Ints:
        """Return random items, of which as many are new as of the hidden pairs' own.

        How much of a catalogue is new differs from month to month and list to list, so newness must tell nothing.
        """
        if not (share := self.new[self.hidden.dst].mean()):
            return rng.integers(0, len(self.items), shape)
        old, fresh = (of[rng.integers(0, len(of), shape)] for of in (np.flatnonzero(~self.new), np.flatnonzero(self.new)))
        return np.where(rng.random(shape) < share, fresh, old)


def pair_columns(vectors: StoredVectors, heuristics: PairFeatures, kind: str, src: Ints, candidates: Ints) -> Floats:
    """Return (B, C, len(COLUMNS)); B at most ``heuristics.block``."""
    return np.concatenate([vectors.cosines(kind, src, candidates), heuristics.rows(kind, src, candidates)], axis=-1)
