"""What CIRP's choices are made by: pairs of the graph that were held out, or bundles and baskets that the holdout keeps for validation."""

from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from training.bundle_cases import BundleCases
from training.cirp.neighbours import ItemGraph
from training.dataset import Ints

RANKED = 768
"""Items among which a held-out neighbour is ranked."""
FEWEST_CASES = 50
"""Leave-one-out cases from which on completion is what choices are made by."""
AT_ONCE = 128
"""Cases that are ranked at once: memory grows with this many rows of the catalogue."""


class Validation(Protocol):
    """Says how well features rank."""

    name: str
    items: Ints
    """Which items' features it asks for, sorted."""

    def score(self, x: Tensor) -> float:
        """Return a mean reciprocal rank by the features (J, d) of ``items``."""


class HeldPairs:
    """Held-out edges: each end is asked for the other one, which is ranked among random items and the ends of all."""

    name = "held_pairs"

    def __init__(self, graph: ItemGraph, seed: int) -> None:
        self.items = _ranked_items(graph, seed)
        at = torch.from_numpy(np.searchsorted(self.items, graph.held))
        self.pairs = torch.cat([at, at.flip(1)])
        self.barred = self._bar(graph)

    def _bar(self, graph: ItemGraph) -> Tensor:
        """Return (2H, J): the query itself and its training neighbours, which do not compete."""
        ranked, query = torch.from_numpy(self.items), self.pairs[:, 0]
        barred = graph.known().contains(ranked[query][:, None], ranked[None, :])
        barred[torch.arange(len(query)), query] = True
        return barred

    def score(self, x: Tensor) -> float:
        """Return the mean reciprocal rank of held-out neighbours, by x_i . x_j."""
        return reciprocal_rank(x, self.pairs, self.barred)


class HeldUnits:
    """Bundles or baskets of the holdout: the item that is left out is ranked among all that were not given, by the given ones' mean."""

    name = "validation_units"

    def __init__(self, cases: BundleCases, num_items: int) -> None:
        self.items, self.cases = np.arange(num_items), cases

    def score(self, x: Tensor) -> float:
        """Return the mean reciprocal rank of what was left out."""
        starts = range(0, len(self.cases), AT_ONCE)
        return sum(self._reciprocals(x, self.cases.take(slice(at, at + AT_ONCE))) for at in starts) / len(self.cases)

    def _reciprocals(self, x: Tensor, cases: BundleCases) -> float:
        given, target = [cases.given(case) for case in range(len(cases))], torch.from_numpy(cases.target)
        scores = torch.stack([x[items].mean(0) for items in given]) @ x.T
        barred = torch.zeros(scores.shape, dtype=torch.bool)
        for row, items in enumerate(given):
            barred[row, items] = True
        return float((1 / _ranks(scores, target[:, None], barred)).sum())


def reciprocal_rank(x: Tensor, pairs: Tensor, barred: Tensor) -> float:
    """Return the mean of 1 / rank of ``pairs[:, 1]`` by dot product with ``pairs[:, 0]``; ties count half, ``barred`` does not compete."""
    return float((1 / _ranks(x[pairs[:, 0]] @ x.T, pairs[:, 1:], barred)).mean())


def _ranks(scores: Tensor, target: Tensor, barred: Tensor) -> Tensor:
    """Return the rank (M,) of one column (M, 1) among those of its row (M, J) that are not barred; ties count half."""
    own = scores.gather(1, target)
    others = scores.masked_fill(barred, -torch.inf).scatter(1, target, -torch.inf)
    return 1 + (others > own).sum(1) + (others == own).sum(1) / 2


def _ranked_items(graph: ItemGraph, seed: int) -> Ints:
    """Return the ends of held-out edges and random others, sorted."""
    ends = np.unique(graph.held)
    others = np.setdiff1d(np.random.default_rng(seed).permutation(graph.num_items)[:RANKED], ends)
    return np.sort(np.concatenate([ends, others[: max(0, RANKED - len(ends))]]))
