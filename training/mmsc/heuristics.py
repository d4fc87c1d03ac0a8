"""What counting says of a pair: common neighbours within and across relations, degrees, shared attributes.

models.md section 3: a count of common neighbours beats most neural figures, so the re-ranker reads these beside them.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from training.dataset import Floats, Ints, Items, Pairs
from training.mmsc import diffusion
from training.mmsc.diffusion import Diffusion
from training.mmsc.recipe import KINDS

NAMES = (
    "own_own",
    "own_own_cosine",
    "own_own_weighted",
    "other_other",
    "other_other_cosine",
    "own_other",
    "other_own",
    "other_edge",
    "degree_own_src",
    "degree_own_dst",
    "degree_other_src",
    "degree_other_dst",
    "own_count",
    "own_allocation",
    "own_jaccard",
    "own_share_src",
    "own_share_dst",
    "other_count",
    "other_allocation",
    "other_jaccard",
    "own_other_cosine",
    "other_own_cosine",
    *diffusion.NAMES,
    "category",
    "brand",
    "price_ratio",
)
"""Columns of ``PairFeatures.rows``; 'own' is the task's relation, 'other' the other one, 'own_other' a path through both.

For substitutes the columns of the two ends, and of the two mixed paths, are sorted (least, greatest), so that the features of
(i, j) and (j, i) are equal and the score is symmetric by construction.
"""

CELLS = 4_000_000
"""Most cells (queries times items) of a dense block."""


@dataclass(frozen=True, slots=True)
class _Task:
    """Matrices (N, N) of one task: ``own`` undirected, ``out`` directed, ``other`` undirected; ``*_by`` weigh the middle item (Adamic-Adar)."""

    own: sparse.csr_matrix
    out: sparse.csr_matrix
    weighted: sparse.csr_matrix
    other: sparse.csr_matrix
    own_by: sparse.csr_matrix
    weighted_by: sparse.csr_matrix
    other_by: sparse.csr_matrix
    out_by: sparse.csr_matrix
    own_even: sparse.csr_matrix
    other_even: sparse.csr_matrix
    degree_own: Floats
    degree_other: Floats
    heat: Diffusion


class PairFeatures:
    """Heuristic features of item pairs from one set of known edges; a pair whose own edge must not count is not among ``pairs``.

    ``behaviour`` False leaves the graph out, ``attributes`` False category, brand and price: their columns are 0.
    """

    def __init__(self, items: Items, pairs: Pairs, *, behaviour: bool = True, attributes: bool = True) -> None:
        self.size = size = len(items)
        self.attributes = attributes
        pairs = pairs if behaviour else pairs.where(np.zeros(len(pairs), dtype=np.bool_))
        of = {kind: _matrix(pairs.of_type(kind), size, symmetric=kind == "substitute") for kind in KINDS}
        self.tasks = {kind: _task(of[kind], of[other]) for kind, other in zip(KINDS, reversed(KINDS), strict=True)}
        self.categories = _categories(items)
        self.brands = _codes(items.brands)
        self.prices = np.log(np.maximum(items.prices, 0.01))

    @property
    def block(self) -> int:
        """How many queries make one block."""
        return max(1, CELLS // max(1, self.size))

    def rows(self, kind: str, src: Ints, candidates: Ints, cold: npt.NDArray[np.bool_] | None = None) -> Floats:
        """Return features (B, C, len(NAMES)) of ``candidates`` (B, C) for ``src`` (B,); B at most ``block``.

        Queries that ``cold`` (B,) marks are shown as if they had no edges.
        """
        task = self.tasks[kind]
        shown = np.ones((len(src), 1), dtype=np.float32) if cold is None else (~cold[:, None]).astype(np.float32)
        at = np.arange(len(src))[:, None]
        own_own, weighted, other_other, own_other, other_own, edge = (_dense(m)[at, candidates] * shown for m in _paths(task, src))
        own = (task.degree_own[src][:, None] * shown, task.degree_own[candidates])
        other = (task.degree_other[src][:, None] * shown, task.degree_other[candidates])
        columns = [own_own, own_own / np.sqrt((own[0] + 1) * (own[1] + 1)), weighted]
        columns += [other_other, other_other / np.sqrt((other[0] + 1) * (other[1] + 1))]
        symmetric = kind == "substitute"
        columns += [*_ends(own_other, other_own, symmetric), edge, *_ends(*own, symmetric), *_ends(*other, symmetric)]
        columns += [column * shown for column in self._overlaps(task, src, candidates, own, other, own_other, other_own, symmetric)]
        columns += [column * shown for column in task.heat.columns(src, candidates, symmetric=symmetric)]
        return np.stack([*columns, *self._attributes(src, candidates, symmetric)], axis=-1).astype(np.float32)

    def _overlaps(self, task, src, candidates, own, other, own_other, other_own, symmetric) -> list[Floats]:  # type: ignore
        at = np.arange(len(src))[:, None]
        around, around_other = task.own[src], task.other[src]
        count, even, count_other, even_other = (
            _dense(m)[at, candidates] for m in (around @ task.own, around @ task.own_even, around_other @ task.other, around_other @ task.other_even)
        )
        shares = _ends(count / np.maximum(own[0], 1), count / np.maximum(own[1], 1), symmetric)
        jaccard, jaccard_other = (c / np.maximum(a + b - c, 1) for c, (a, b) in ((count, own), (count_other, other)))
        mixed = _ends(own_other / np.sqrt((own[0] + 1) * (other[1] + 1)), other_own / np.sqrt((other[0] + 1) * (own[1] + 1)), symmetric)
        return [count, even, jaccard, *shares, count_other, even_other, jaccard_other, *mixed]

    def _attributes(self, src: Ints, candidates: Ints, symmetric: bool) -> list[Floats]:
        if not self.attributes:
            return [np.zeros(candidates.shape, dtype=np.float32)] * 3
        shared = _dense(self.categories[src] @ self.categories.T)[np.arange(len(src))[:, None], candidates]
        brand = (self.brands[src][:, None] == self.brands[candidates]) & (self.brands[candidates] >= 0)
        dearer = self.prices[candidates] - self.prices[src][:, None]
        return [shared, brand.astype(np.float32), np.abs(dearer) if symmetric else dearer]

    def nearest(self, kind: str, src: Ints, count: int) -> Ints:
        """Return the positions (B, count) that the graph brings nearest: known edges by weight, then Adamic-Adar.

        The query itself fills the places of a row that reaches fewer.
        """
        task = self.tasks[kind]
        reached = _dense(task.own[src] @ task.own_by)
        strength = np.where((edges := _dense(task.out[src])) > 0, 1 + edges, reached / (1 + reached))
        strength[np.arange(len(src)), src] = 0.0
        top = np.argpartition(-strength, min(count, self.size) - 1, axis=1)[:, :count]
        return np.where(np.take_along_axis(strength, top, axis=1) > 0, top, src[:, None])

    def shared(self, kind: str, src: Ints, dst: Ints) -> Ints:
        """Return how many items are joined in the task to both ``src`` and ``dst`` (P,)."""
        own = self.tasks[kind].own
        return np.asarray(own[src].multiply(own[dst]).sum(1), dtype=np.int64).ravel()

    def known_weight(self, kind: str, src: Ints, candidates: Ints) -> Floats:
        """Return the weight (B, C) of the known edge from ``src`` to each candidate, 0 where there is none."""
        return _dense(self.tasks[kind].out[src])[np.arange(len(src))[:, None], candidates]


def _ends(first: Floats, second: Floats, symmetric: bool) -> tuple[Floats, Floats]:
    """Return both columns, of one shape, sorted where the task is symmetric."""
    first, second = np.broadcast_arrays(first, second)
    return (np.minimum(first, second), np.maximum(first, second)) if symmetric else (first, second)


def _task(out: sparse.csr_matrix, other: sparse.csr_matrix) -> _Task:
    weighted, other_weighted = out.maximum(out.T).tocsr(), other.maximum(other.T).tocsr()
    undirected, other_undirected = _ones(weighted), _ones(other_weighted)
    rare, rare_other = _rarity(undirected), _rarity(other_undirected)
    return _Task(
        own=undirected,
        out=out,
        weighted=weighted,
        other=other_undirected,
        own_by=(rare @ undirected).tocsr(),
        weighted_by=(rare @ weighted).tocsr(),
        other_by=(rare_other @ other_undirected).tocsr(),
        out_by=(rare_other @ _ones(out)).tocsr(),
        own_even=_evenly(undirected),
        other_even=_evenly(other_undirected),
        degree_own=np.asarray(undirected.sum(1), dtype=np.float32).ravel(),
        degree_other=np.asarray(other_undirected.sum(1), dtype=np.float32).ravel(),
        heat=Diffusion.of(weighted, other_weighted),
    )


def _paths(task: _Task, src: Ints) -> list[sparse.csr_matrix]:
    """Return (B, N) sums over two-hop paths from ``src``: own-own, own-own by weight, other-other, own-other, other-own; then other's edge.

    Own hops of the mixed paths keep their direction, so what goes with j's substitutes counts, not what j goes with.
    """
    own, other = task.own[src], task.other[src]
    mixed = _ones(task.out[src]) @ task.other_by
    return [own @ task.own_by, task.weighted[src] @ task.weighted_by, other @ task.other_by, mixed, other @ task.out_by, other]


def _evenly(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    """Return rows divided by their degree: what a neighbour passes on when it gives all of its own the same (resource allocation)."""
    return (sparse.diags(1 / np.maximum(np.asarray(matrix.sum(1)).ravel(), 1)) @ matrix).tocsr()


def _rarity(matrix: sparse.csr_matrix) -> sparse.dia_matrix:
    """Return Adamic-Adar's weight of a common neighbour, 1 / log(degree + 2), as a diagonal."""
    return sparse.diags(1 / np.log(np.asarray(matrix.sum(1)).ravel() + 2))


def _matrix(pairs: Pairs, size: int, *, symmetric: bool) -> sparse.csr_matrix:
    """Return (N, N) weights; repeated edges are counted once, by their greatest weight; ``symmetric`` adds the missing directions."""
    order = np.lexsort((-pairs.weights, pairs.dst, pairs.src))
    _, first = np.unique(pairs.src[order] * size + pairs.dst[order], return_index=True)
    src, dst, weights = pairs.src[order][first], pairs.dst[order][first], pairs.weights[order][first]
    matrix = sparse.csr_matrix((np.maximum(weights, np.float32(1e-3)), (src, dst)), (size, size), dtype=np.float32)
    return matrix.maximum(matrix.T).tocsr() if symmetric else matrix


def _ones(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    return sparse.csr_matrix((np.ones_like(matrix.data), matrix.indices, matrix.indptr), matrix.shape)


def _dense(matrix: sparse.csr_matrix) -> Floats:
    return np.asarray(matrix.toarray(), dtype=np.float32)


def _codes(values: tuple[str | None, ...]) -> Ints:
    """Return an integer (N,) a distinct value, -1 where it is unknown."""
    known = {value: code for code, value in enumerate(sorted({v for v in values if v}))}
    return np.array([known.get(v or "", -1) for v in values], dtype=np.int64)


def _categories(items: Items) -> sparse.csr_matrix:
    """Return (N, distinct category names) rows of unit length, so that a product is the cosine of two paths."""
    names = {name: code for code, name in enumerate(sorted({n for path in items.categories for n in path}))}
    rows = [i for i, path in enumerate(items.categories) for _ in set(path)]
    columns = [names[n] for path in items.categories for n in sorted(set(path))]
    lengths = np.array([max(1, len(set(items.categories[i]))) for i in rows], dtype=np.float32)
    return sparse.csr_matrix((1 / np.sqrt(lengths), (rows, columns)), (len(items), max(1, len(names))), dtype=np.float32)
