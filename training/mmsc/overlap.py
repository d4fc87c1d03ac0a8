"""What two neighbourhoods have in common: items that are joined to both ends of a pair, within a relation and across both."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from training.dataset import Floats, Ints

NAMES = (
    "own_own",
    "own_own_weighted",
    "own_own_cosine",
    "own_count",
    "own_allocation",
    "own_jaccard",
    "own_share_src",
    "own_share_dst",
    "other_other",
    "other_other_cosine",
    "other_count",
    "other_allocation",
    "other_jaccard",
    "own_other",
    "other_own",
    "own_other_cosine",
    "other_own_cosine",
    "other_edge",
    "degree_own_src",
    "degree_own_dst",
    "degree_other_src",
    "degree_other_dst",
)
"""Columns of ``Overlap.columns``. 'own' is the task's relation, 'other' the other one; 'own_other' is a path through both.

A common neighbour counts 1 (``count``), 1 / log(degree + 2) (Adamic-Adar: ``own_own``, ``other_other``, the mixed ones) or 1 / degree
(``allocation``). ``cosine`` is Adamic-Adar over the root of both degrees, ``share`` the count over one end's degree.
For substitutes the columns of the two ends, and of the two mixed paths, are sorted (least, greatest), so that the features of
(i, j) and (j, i) are equal and the score is symmetric by construction.
"""


@dataclass(frozen=True, slots=True)
class Overlap:
    """Matrices (N, N) of one task: ``own`` undirected, ``out`` directed, ``other`` undirected; the rest weigh the middle item."""

    own: sparse.csr_matrix
    out: sparse.csr_matrix
    weighted: sparse.csr_matrix
    other: sparse.csr_matrix
    own_by: sparse.csr_matrix
    weighted_by: sparse.csr_matrix
    other_by: sparse.csr_matrix
    out_by: sparse.csr_matrix
    own_evenly: sparse.csr_matrix
    other_evenly: sparse.csr_matrix
    degree_own: Floats
    degree_other: Floats

    @classmethod
    def of(cls, out: sparse.csr_matrix, other: sparse.csr_matrix) -> "Overlap":
        """Index the task's directed edges ``out`` and those of the other one (N, N)."""
        weighted = out.maximum(out.T).tocsr()
        own, around = _ones(weighted), _ones(other.maximum(other.T).tocsr())
        rare, rare_other = _rarity(own), _rarity(around)
        return cls(
            own=own,
            out=_ones(out),
            weighted=weighted,
            other=around,
            own_by=(rare @ own).tocsr(),
            weighted_by=(rare @ weighted).tocsr(),
            other_by=(rare_other @ around).tocsr(),
            out_by=(rare_other @ _ones(out)).tocsr(),
            own_evenly=_evenly(own),
            other_evenly=_evenly(around),
            degree_own=_degrees(own),
            degree_other=_degrees(around),
        )

    def columns(self, src: Ints, candidates: Ints, shown: Floats, *, symmetric: bool) -> list[Floats]:
        """Return len(NAMES) columns (B, C) of ``candidates`` (B, C) for ``src`` (B,); where ``shown`` (B,) is 0 an item has no edges."""
        counted = self._counted(src, candidates, shown)
        own, own_weighted, count, allocation, other, count_other, allocation_other, own_other, other_own, edge = counted
        a, b = (self.degree_own[src] * shown)[:, None], self.degree_own[candidates]
        c, d = (self.degree_other[src] * shown)[:, None], self.degree_other[candidates]
        ends = sort_ends if symmetric else _as_they_are
        return [
            *(own, own_weighted, _cosine(own, a, b), count, allocation, _jaccard(count, a, b)),
            *ends(_share(count, a), _share(count, b)),
            *(other, _cosine(other, c, d), count_other, allocation_other, _jaccard(count_other, c, d)),
            *ends(own_other, other_own),
            *ends(_cosine(own_other, a, d), _cosine(other_own, c, b)),
            *(edge, *ends(*np.broadcast_arrays(a, b)), *ends(*np.broadcast_arrays(c, d))),
        ]

    def _counted(self, src: Ints, candidates: Ints, shown: Floats) -> list[Floats]:
        """Return sums over two-hop paths, (B, C) each, and the other relation's edge.

        Own hops of the mixed paths keep their direction, so what goes with j's substitutes counts, not what j goes with.
        """
        own, weighted, out, other = (sparse.diags(shown) @ matrix[src] for matrix in (self.own, self.weighted, self.out, self.other))
        paths = [own @ self.own_by, weighted @ self.weighted_by, own @ self.own, own @ self.own_evenly]
        paths += [other @ self.other_by, other @ self.other, other @ self.other_evenly, out @ self.other_by, other @ self.out_by, other]
        return [np.take_along_axis(dense(path), candidates, axis=1) for path in paths]


def sort_ends(first: Floats, second: Floats) -> tuple[Floats, Floats]:
    """Return the lesser and the greater of each place."""
    return np.minimum(first, second), np.maximum(first, second)


def _as_they_are(first: Floats, second: Floats) -> tuple[Floats, Floats]:
    return first, second


def dense(matrix: sparse.csr_matrix) -> Floats:
    """Return a matrix laid out whole, single precision."""
    return np.asarray(matrix.toarray(), dtype=np.float32)


def _cosine(shared: Floats, degree: Floats, other: Floats) -> Floats:
    return np.asarray(shared / np.sqrt((degree + 1) * (other + 1)))


def _jaccard(count: Floats, degree: Floats, other: Floats) -> Floats:
    return np.asarray(count / np.maximum(degree + other - count, 1))


def _share(count: Floats, degree: Floats) -> Floats:
    return np.asarray(count / np.maximum(degree, 1))


def _rarity(matrix: sparse.csr_matrix) -> sparse.dia_matrix:
    """Return Adamic-Adar's weight of a common neighbour, 1 / log(degree + 2), as a diagonal."""
    return sparse.diags(1 / np.log(_degrees(matrix) + 2))


def _evenly(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    """Return rows over their degree: what a neighbour passes on that gives all of its own the same (resource allocation)."""
    return (sparse.diags(1 / np.maximum(_degrees(matrix), 1)) @ matrix).tocsr()


def _degrees(matrix: sparse.csr_matrix) -> Floats:
    return np.asarray(matrix.sum(1), dtype=np.float32).ravel()


def _ones(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    return sparse.csr_matrix((np.ones_like(matrix.data), matrix.indices, matrix.indptr), matrix.shape)
