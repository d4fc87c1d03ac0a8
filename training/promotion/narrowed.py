"""Scorers that are asked in the challenger's positions and answer about the items that both models know, others stand at -inf."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.dataset import Floats, Ints
from training.scorers import BundleScorer, RelationScorer


@dataclass(frozen=True, slots=True)
class NarrowedRelations:
    """Implements ``RelationScorer``; ``at`` (N,) is the scorer's own position of each item, -1 where one of both does not know it."""

    scorer: RelationScorer
    at: Ints
    name: str

    def score(self, kind: str, src: Ints, candidates: Ints) -> Floats:
        """Return scores (B, C)."""
        own = self.at[candidates]
        scores = self.scorer.score(kind, self.at[src], np.maximum(own, 0))
        return np.where(own >= 0, scores, np.float32(-np.inf))


@dataclass(frozen=True, slots=True)
class NarrowedBundles:
    """Implements ``BundleScorer``; ``at`` as above."""

    scorer: BundleScorer
    at: Ints
    name: str

    def score(self, given: Sequence[int]) -> Floats:
        """Return (N,)."""
        scores = self.scorer.score(self.at[list(given)].tolist())
        return np.where(self.at >= 0, scores[np.maximum(self.at, 0)], np.float32(-np.inf)).astype(np.float32)
