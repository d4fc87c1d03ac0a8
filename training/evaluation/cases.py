"""Test cases of relations as arrays: what is asked, and what the true answer is."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from training.dataset import Ints


@dataclass(frozen=True, slots=True)
class RelationCases:
    """M (query, true item) pairs of one type."""

    kind: str
    src: Ints
    dst: Ints
    known: sp.csr_matrix
    """(N, N), non-zero where an item may not stand as a negative of a query: true or known neighbours."""

    def __len__(self) -> int:
        """Return M."""
        return len(self.src)

    def sample(self, max_cases: int, seed: int) -> "RelationCases":
        """Return at most ``max_cases`` of the cases, drawn by ``seed``."""
        if len(self) <= max_cases:
            return self
        return self.take(np.sort(np.random.default_rng(seed).choice(len(self), max_cases, replace=False)))

    def take(self, at: Ints) -> "RelationCases":
        """Return some of the cases, in that order."""
        return RelationCases(self.kind, self.src[at], self.dst[at], self.known)
