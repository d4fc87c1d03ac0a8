"""What counting says of a pair: common neighbours within and across relations, degrees, shared attributes.

models.md section 3: a count of common neighbours beats most neural figures, so the re-ranker reads these beside them.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from training.dataset import Floats, Ints, Items, Pairs
from training.mmsc import diffusion, overlap
from training.mmsc.diffusion import Diffusion
from training.mmsc.overlap import Overlap, dense
from training.mmsc.recipe import KINDS, MmscRecipe

NAMES = (*overlap.NAMES, *diffusion.NAMES, "category", "brand", "price_ratio")
"""Columns of ``PairFeatures.rows``."""

CELLS = 4_000_000
"""Most cells (queries times items) of a dense block."""


@dataclass(frozen=True, slots=True)
class _Task:
    """What is counted in one task, and ``weights`` (N, N) of its directed edges."""

    weights: sparse.csr_matrix
    overlap: Overlap
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

    @classmethod
    def for_recipe(cls, recipe: MmscRecipe, items: Items, pairs: Pairs) -> "PairFeatures":
        """Return what a recipe reads of the pairs and of the items."""
        return cls(items, pairs, behaviour=recipe.reads_behaviour, attributes=recipe.reads_attributes)

    @property
    def block(self) -> int:
        """How many queries make one block."""
        return max(1, CELLS // max(1, self.size))

    def rows(self, kind: str, src: Ints, candidates: Ints, cold: npt.NDArray[np.bool_] | None = None) -> Floats:
        """Return features (B, C, len(NAMES)) of ``candidates`` (B, C) for ``src`` (B,); B at most ``block``.

        Queries that ``cold`` (B,) marks are shown as if they had no edges.
        """
        task, symmetric = self.tasks[kind], kind == "substitute"
        shown = np.ones(len(src), dtype=np.float32) if cold is None else (~cold).astype(np.float32)
        counted = task.overlap.columns(src, candidates, shown, symmetric=symmetric)
        walked = task.heat.columns(src, candidates, shown, symmetric=symmetric)
        return np.stack([*counted, *walked, *self._attributes(src, candidates, symmetric)], axis=-1).astype(np.float32)

    def _attributes(self, src: Ints, candidates: Ints, symmetric: bool) -> list[Floats]:
        if not self.attributes:
            return [np.zeros(candidates.shape, dtype=np.float32)] * 3
        shared = np.take_along_axis(dense(self.categories[src] @ self.categories.T), candidates, axis=1)
        brand = (self.brands[src][:, None] == self.brands[candidates]) & (self.brands[candidates] >= 0)
        dearer = self.prices[candidates] - self.prices[src][:, None]
        return [shared, brand.astype(np.float32), np.abs(dearer) if symmetric else dearer]

    def nearest(self, kind: str, src: Ints, count: int) -> Ints:
        """Return the positions (B, count) that the graph brings nearest: known edges by weight, then Adamic-Adar.

        The query itself fills the places of a row that reaches fewer.
        """
        task = self.tasks[kind]
        reached = dense(task.overlap.own[src] @ task.overlap.own_by)
        strength = np.where((edges := dense(task.weights[src])) > 0, 1 + edges, reached / (1 + reached))
        strength[np.arange(len(src)), src] = 0.0
        top = np.argpartition(-strength, min(count, self.size) - 1, axis=1)[:, :count]
        return np.where(np.take_along_axis(strength, top, axis=1) > 0, top, src[:, None])

    def shared(self, kind: str, src: Ints, dst: Ints) -> Ints:
        """Return how many items are joined in the task to both ``src`` and ``dst`` (P,)."""
        own = self.tasks[kind].overlap.own
        return np.asarray(own[src].multiply(own[dst]).sum(1), dtype=np.int64).ravel()

    def known_weight(self, kind: str, src: Ints, candidates: Ints) -> Floats:
        """Return the weight (B, C) of the known edge from ``src`` to each candidate, 0 where there is none."""
        return np.take_along_axis(dense(self.tasks[kind].weights[src]), candidates, axis=1)


def _task(out: sparse.csr_matrix, other: sparse.csr_matrix) -> _Task:
    return _Task(out, Overlap.of(out, other), Diffusion.of(out.maximum(out.T).tocsr(), other.maximum(other.T).tocsr()))


def _matrix(pairs: Pairs, size: int, *, symmetric: bool) -> sparse.csr_matrix:
    """Return (N, N) weights; repeated edges are counted once, by their greatest weight; ``symmetric`` adds the missing directions."""
    order = np.lexsort((-pairs.weights, pairs.dst, pairs.src))
    _, first = np.unique(pairs.src[order] * size + pairs.dst[order], return_index=True)
    src, dst, weights = pairs.src[order][first], pairs.dst[order][first], pairs.weights[order][first]
    matrix = sparse.csr_matrix((np.maximum(weights, np.float32(1e-3)), (src, dst)), (size, size), dtype=np.float32)
    return matrix.maximum(matrix.T).tocsr() if symmetric else matrix


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
