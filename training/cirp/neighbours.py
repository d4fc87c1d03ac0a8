"""The item graph of CIRP: homogeneous, undirected; neighbours to draw, edges to hold out, and the shuffle control."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from training.cirp.edges import collect_edges
from training.cirp.recipe import CirpRecipe
from training.dataset import Bools, Floats, Ints, Items, TrainingSet, variant_groups
from training.negatives import EdgeSet

HELD_SHARE = 0.05
HELD_MOST = 400


@dataclass(frozen=True, slots=True)
class ItemGraph:
    """Edges that train, and edges held out to choose the best epoch by (E, 2)."""

    num_items: int
    edges: Ints
    """(E, 2), smaller position first."""
    weights: Floats
    held: Ints
    """(H, 2), not in ``edges``."""
    categories: Ints
    """(N,) number of each item's whole category."""
    products: Ints
    """(N,) number of each item's product; its variants share it."""

    @property
    def joined(self) -> Bools:
        """(N,) whether an item has an edge."""
        found = np.zeros(self.num_items, dtype=np.bool_)
        found[self.edges.ravel()] = True
        return found

    def known(self, *, weighted: bool = False) -> EdgeSet:
        """Return the training edges in both directions, with their weights where ``weighted``."""
        both = torch.from_numpy(self.edges)
        return EdgeSet(both[:, 0], both[:, 1], self.num_items, weights=torch.from_numpy(self.weights) if weighted else None)


def build_graph(training: TrainingSet, recipe: CirpRecipe) -> ItemGraph:
    """Return the undirected graph of the recipe's relations; the shuffle control exchanges the ends of all edges first.

    Variants of a product are no neighbours where the recipe says so: that a shirt is bought in two colours tells nothing of what goes with it.
    """
    products = variant_groups(training.items) if recipe.part_variants else np.arange(len(training.items))
    edges, weights = collect_edges(training, recipe.relations, recipe.seed)
    apart = products[edges[:, 0]] != products[edges[:, 1]]
    edges, weights = edges[apart], weights[apart]
    rng = np.random.default_rng(recipe.seed)
    if recipe.shuffle_neighbours:
        edges = np.sort(np.stack([edges[:, 0], rng.permutation(edges[:, 1])], axis=1), axis=1)
        edges, first = np.unique(edges, axis=0, return_index=True)
        weights = weights[first]
        weights, edges = weights[edges[:, 0] != edges[:, 1]], edges[edges[:, 0] != edges[:, 1]]
    held = np.zeros(len(edges), dtype=np.bool_)
    held[rng.permutation(len(edges))[: min(HELD_MOST, int(HELD_SHARE * len(edges)))]] = True
    return ItemGraph(len(training.items), edges[~held], weights[~held], edges[held], _number_categories(training.items), products)


def _number_categories(items: Items) -> Ints:
    numbers: dict[tuple[str, ...], int] = {}
    return np.array([numbers.setdefault(path, len(numbers)) for path in items.categories], dtype=np.int64)


class NeighbourSampler:
    """Draws neighbours of items, uniformly or by edge weight."""

    def __init__(self, graph: ItemGraph, *, by_weight: bool) -> None:
        src = np.concatenate([graph.edges[:, 0], graph.edges[:, 1]])
        dst = np.concatenate([graph.edges[:, 1], graph.edges[:, 0]])
        order = np.argsort(src, kind="stable")
        weights = np.tile(graph.weights if by_weight else np.ones(len(graph.edges)), 2)[order]
        self.dst = torch.from_numpy(dst[order])
        self.mass = torch.from_numpy(np.concatenate([[0.0], np.cumsum(weights, dtype=np.float64)]))
        self.start = torch.from_numpy(np.searchsorted(src[order], np.arange(graph.num_items + 1)))

    def draw(self, items: Tensor, count: int, generator: torch.Generator) -> Tensor:
        """Return up to ``count`` neighbours of each item, with repetition, in one row; items without any give none."""
        start, end = self.start[items], self.start[items + 1]
        items_at = end > start
        start, end = start[items_at, None], end[items_at, None]
        low, high = self.mass[start], self.mass[end]
        drawn = low + torch.rand(len(start), count, generator=generator, dtype=torch.float64) * (high - low)
        at = torch.searchsorted(self.mass, drawn, right=True) - 1
        return self.dst[torch.minimum(torch.maximum(at, start), end - 1)].flatten()
