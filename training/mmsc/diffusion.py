"""What walks of two and three steps say of a pair: of a unit of heat that leaves one end and spreads along edges, how much arrives at the other.

Common neighbours see two steps. A pair whose edge nobody saw yet is told apart by three as well: i and j are alike if what is like i is like
what is like j. Steps are D^-1/2 W D^-1/2, so a hub passes on little to each of its many neighbours.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from training.dataset import Floats, Ints
from training.mmsc.overlap import dense, sort_ends

NAMES = (
    "heat_own_own",
    "heat_other_other",
    "heat_any_any",
    "heat_own_own_own",
    "heat_own_other_own",
    "heat_other_own_other",
    "heat_other_other_other",
    "heat_any_any_any",
    "heat_own_own_other",
    "heat_other_own_own",
    "heat_other_other_own",
    "heat_own_other_other",
)
"""Columns of ``Diffusion.columns``: the relations that a walk steps along; 'own' is the task's, 'any' either.

The last four are two walks and the same reversed; for substitutes each two are sorted (least, greatest).
"""


@dataclass(frozen=True, slots=True)
class Diffusion:
    """One step (N, N) along the task's own relation, along the other, and along either; all symmetric."""

    own: sparse.csr_matrix
    other: sparse.csr_matrix
    any: sparse.csr_matrix

    @classmethod
    def of(cls, own: sparse.csr_matrix, other: sparse.csr_matrix) -> "Diffusion":
        """Normalise the undirected weights (N, N) of both relations."""
        return cls(_step(own), _step(other), _step(own.maximum(other)))

    def columns(self, src: Ints, candidates: Ints, shown: Floats, *, symmetric: bool) -> list[Floats]:
        """Return len(NAMES) columns (B, C) of ``candidates`` (B, C) for ``src`` (B,); where ``shown`` (B,) is 0 an item has no edges."""
        own, other, both = (sparse.diags(shown) @ step[src] for step in (self.own, self.other, self.any))
        rows = [dense(first @ second) for first in (own, other) for second in (self.own, self.other)]
        anyhow = dense(both @ self.any)
        own_own, _, _, other_other = rows
        ooo, oto, too, tto = _arrived(rows, self.own, candidates)
        oot, ott, tot, ttt = _arrived(rows, self.other, candidates)
        (uuu,) = _arrived([anyhow], self.any, candidates)
        two = [np.take_along_axis(row, candidates, axis=1) for row in (own_own, other_other, anyhow)]
        mixed = [end for pair in ((oot, too), (tto, ott)) for end in (sort_ends(*pair) if symmetric else pair)]
        return [*two, ooo, oto, tot, ttt, uuu, *mixed]


def _arrived(rows: list[Floats], step: sparse.csr_matrix, candidates: Ints) -> list[Floats]:
    """Return, for each of ``rows`` (B, N) of heat, what one more step brings to the candidates (B, C): only their own edges are read."""
    heat = np.stack(rows, axis=-1)
    found = np.stack([step[near] @ heat[query] for query, near in enumerate(candidates)])
    return [np.ascontiguousarray(found[..., k]) for k in range(len(rows))]


def _step(weights: sparse.csr_matrix) -> sparse.csr_matrix:
    scale = sparse.diags(1 / np.sqrt(np.maximum(1e-9, np.asarray(weights.sum(1), dtype=np.float32).ravel())))
    return (scale @ weights @ scale).tocsr().astype(np.float32)
