"""The two-relation graph as CSR, and walks over it without a Python loop per node (MMSC section 3, behaviour)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from training.dataset import Floats, Ints, Pairs

NOBODY = -1
"""As a partner: nobody is kept apart."""


@dataclass(frozen=True, slots=True)
class Csr:
    """Weighted adjacency: ``indices[indptr[i]:indptr[i+1]]`` are the neighbours of i, ascending; ``cumulated`` (E+1,) sums weights."""

    indptr: Tensor
    indices: Tensor
    cumulated: Tensor

    def step(self, at: Tensor, draw: Tensor, avoid: Tensor) -> tuple[Tensor, Tensor]:
        """Return one neighbour (M,) of each of ``at`` (M,) and whether there is one; ``draw`` (M,) in [0, 1) picks by weight.

        A draw that meets ``avoid`` (M,) takes the next neighbour in the row instead; a row of nothing else has none.
        """
        if not len(self.indices):
            return at, torch.zeros_like(at, dtype=torch.bool)
        start, end = self.indptr[at], self.indptr[at + 1]
        low, high = self.cumulated[start], self.cumulated[end]
        found = torch.searchsorted(self.cumulated, low + draw * (high - low), right=True) - 1
        edge = torch.minimum(torch.maximum(found, start), end - 1).clamp_min(0)
        following = torch.where(edge + 1 < end, edge + 1, start).clamp_max(len(self.indices) - 1)
        node = torch.where(self.indices[edge] == avoid, self.indices[following], self.indices[edge])
        return node, (end > start) & (node != avoid)


def build_csr(src: Ints, dst: Ints, weights: Floats, num_items: int) -> Csr:
    """Return the CSR of directed edges; of repeated ones the heaviest counts."""
    keys = src * num_items + dst
    order = np.lexsort((-weights, keys))
    keys, first = np.unique(keys[order], return_index=True)
    row = keys // num_items
    indptr = np.searchsorted(row, np.arange(num_items + 1))
    cumulated = np.concatenate([[0.0], np.cumsum(weights[order][first], dtype=np.float64)])
    return Csr(torch.from_numpy(indptr), torch.from_numpy(keys % num_items), torch.from_numpy(cumulated))


Edges = Mapping[str, tuple[Ints, Ints, Floats]]
"""Letter of a relation -> its undirected edges, (E,) each: lower end, higher end, weight."""


@dataclass(frozen=True, slots=True)
class RelationGraph:
    """The graph that paths walk on: letter 's' or 'c' of a path names the relation. Walks ignore direction, so both ends see an edge."""

    num_items: int
    edges: Edges
    relations: Mapping[str, Csr]

    def without(self, rate: float, generator: torch.Generator) -> "RelationGraph":
        """Return a second view with ``rate`` of each relation's edges dropped at random, both directions together."""
        return _assemble(self.num_items, drop_edges(self.edges, rate, generator))


def build_graph(pairs: Pairs, num_items: int) -> RelationGraph:
    """Return the walkable graph of typed pairs."""
    return _assemble(num_items, {kind[0]: _undirected(pairs.of_type(kind), num_items) for kind in ("substitute", "complement")})


def drop_edges(edges: Edges, rate: float, generator: torch.Generator) -> Edges:
    """Return the edges without a random ``rate`` of each relation's."""
    kept = {}
    for letter, (src, dst, weights) in edges.items():
        mask = (torch.rand(len(src), generator=generator) >= rate).numpy()
        kept[letter] = (src[mask], dst[mask], weights[mask])
    return kept


def _undirected(pairs: Pairs, num_items: int) -> tuple[Ints, Ints, Floats]:
    low, high = np.minimum(pairs.src, pairs.dst), np.maximum(pairs.src, pairs.dst)
    keys = low * num_items + high
    order = np.lexsort((-pairs.weights, keys))
    _, first = np.unique(keys[order], return_index=True)
    pick = order[first]
    return low[pick], high[pick], np.maximum(pairs.weights[pick], np.float32(1e-3))


def _assemble(num_items: int, edges: Edges) -> RelationGraph:
    both = {k: build_csr(np.concatenate([s, d]), np.concatenate([d, s]), np.concatenate([w, w]), num_items) for k, (s, d, w) in edges.items()}
    return RelationGraph(num_items, edges, both)


Walks = dict[str, tuple[Tensor, Tensor]]
"""Path -> items visited (B, F, L) by F instances of a path of L hops, and whether each instance exists (B, F)."""


def sample_walks(graph: RelationGraph, paths: Sequence[str], nodes: Tensor, partners: Tensor, fanout: int, generator: torch.Generator) -> Walks:
    """Sample ``fanout`` instances of every path from ``nodes`` (B,); a path's instances continue its prefix's.

    ``paths`` holds every prefix before its path. First hops are stratified, so a node of at most ``fanout`` equally weighted
    neighbours sees all of them. No instance returns to its query; none takes the edge to ``partners`` (B,), the item that a
    loss pairs the query with (``NOBODY``: no such edge), so a pair cannot be told by its own edge.
    """
    walks: Walks = {}
    query = nodes.repeat_interleave(fanout)
    for path in paths:
        draw = torch.rand(len(nodes), fanout, generator=generator)
        if len(path) == 1:
            strata = (torch.arange(fanout) + draw) / fanout
            node, real = graph.relations[path].step(query, strata.flatten(), partners.repeat_interleave(fanout))
            walks[path] = (node.view(-1, fanout, 1), real.view(-1, fanout))
        else:
            before, was = walks[path[:-1]]
            node, real = graph.relations[path[-1]].step(before[..., -1].flatten(), draw.flatten(), query)
            walks[path] = (torch.cat([before, node.view(-1, fanout, 1)], dim=-1), real.view(-1, fanout) & was)
    return walks
