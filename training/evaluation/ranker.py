"""A similarity for each task makes a scorer of both protocols: ItemKNN for bundles, look-up for relations."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.dataset import Floats, Ints
from training.evaluation.similarity import Similarity


@dataclass(frozen=True, slots=True)
class BundleRanker:
    """Implements ``BundleScorer`` (training/scorers.py): ItemKNN over any similarity."""

    name: str
    similarity: Similarity

    def score(self, given: Sequence[int]) -> Floats:
        """Return (N,): the mean similarity to the given items (models.md section 1)."""
        found: Floats = self.similarity.rows(np.asarray(given, dtype=np.int64)).mean(axis=0)
        return found


@dataclass(frozen=True, slots=True)
class RelationRanker:
    """Implements ``RelationScorer`` (training/scorers.py) over one similarity a relation type."""

    name: str
    substitute: Similarity
    complement: Similarity

    def score(self, kind: str, src: Ints, candidates: Ints) -> Floats:
        """Return (B, C): the similarity of each candidate to its query."""
        similarity = self.substitute if kind == "substitute" else self.complement
        return np.take_along_axis(similarity.rows(src), candidates, axis=1)

    def for_bundles(self) -> BundleRanker:
        """Return the same method for bundles, whose items go together: by complement."""
        return BundleRanker(self.name, self.complement)
