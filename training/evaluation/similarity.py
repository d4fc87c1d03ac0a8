"""One row of similarities for each query item: what every baseline is made of, in blocks, never N x N."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import scipy.sparse as sp

from training.dataset import Floats, Ints


class Similarity(Protocol):
    """How near each item of the catalogue is to each query item."""

    def rows(self, src: Ints) -> Floats:
        """Return (B, N) similarities of all N items to the queries ``src`` (B,)."""


@dataclass(frozen=True, slots=True)
class SparseDot:
    """Dot products of sparse rows: cosine where the rows are normalised."""

    features: sp.csr_matrix
    """(N, F)."""
    transposed: sp.csr_matrix
    """(F, N)."""

    @classmethod
    def of(cls, features: sp.csr_matrix) -> "SparseDot":
        """Return the similarity of ``features`` (N, F)."""
        return cls(features.tocsr(), features.T.tocsr())

    def rows(self, src: Ints) -> Floats:
        """Return (B, N) dot products."""
        return dense(self.features[src] @ self.transposed)


@dataclass(frozen=True, slots=True)
class DenseDot:
    """Dot products of ``source`` (N, d) with ``target`` (N, d); the same array for a symmetric similarity."""

    source: Floats
    target: Floats

    def rows(self, src: Ints) -> Floats:
        """Return (B, N) dot products."""
        found: Floats = self.source[src] @ self.target.T
        return found


@dataclass(frozen=True, slots=True)
class Edges:
    """The weight of the direct edge, 0 where there is none."""

    adjacency: sp.csr_matrix

    def rows(self, src: Ints) -> Floats:
        """Return (B, N) weights."""
        return dense(self.adjacency[src])


@dataclass(frozen=True, slots=True)
class CommonNeighbours:
    """Neighbours that both ends share, each weighted 1 / log(degree + 2) (Adamic, Adar 2003; + 2 keeps degree 1 finite).

    ``first`` leads from the query to the shared neighbour, ``weighted`` from there to the candidate; two graphs
    may differ, so paths across both relations are counted the same way.
    """

    first: sp.csr_matrix
    weighted: sp.csr_matrix

    @classmethod
    def of(cls, first: sp.csr_matrix, second: sp.csr_matrix, degree: Floats) -> "CommonNeighbours":
        """Return the count over shared neighbours whose weight follows from ``degree`` (N,)."""
        return cls(first, (sp.diags(1 / np.log(degree + 2)) @ second).tocsr().astype(np.float32))

    def rows(self, src: Ints) -> Floats:
        """Return (B, N) weighted counts."""
        return dense(self.first[src] @ self.weighted)


@dataclass(frozen=True, slots=True)
class Constant:
    """The same value of an item for every query: popularity."""

    values: Floats

    def rows(self, src: Ints) -> Floats:
        """Return (B, N) copies of the values."""
        return np.broadcast_to(self.values, (len(src), len(self.values)))


@dataclass(frozen=True, slots=True)
class Noise:
    """Random but repeatable: the same query gets the same row."""

    size: int
    seed: int = 0

    def rows(self, src: Ints) -> Floats:
        """Return (B, N) uniform values."""
        return np.stack([np.random.default_rng((self.seed, int(i))).random(self.size, dtype=np.float32) for i in src])


@dataclass(frozen=True, slots=True)
class Mix:
    """A weighted sum of similarities."""

    parts: Sequence[tuple[Similarity, float]]

    def rows(self, src: Ints) -> Floats:
        """Return (B, N) sums."""
        total: Floats = np.sum([np.float32(weight) * part.rows(src) for part, weight in self.parts], axis=0, dtype=np.float32)
        return total


def dense(block: sp.csr_matrix) -> Floats:
    """Return a block of sparse rows as an array."""
    found: Floats = block.toarray().astype(np.float32, copy=False)
    return found
