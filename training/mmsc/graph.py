"""The two-relation graph as CSR, and walks over it without a Python loop per node (MMSC section 3, behaviour)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from training.dataset import Floats, Ints, Pairs

NOBODY = -1
"""As a partner: nobody is kept apart."""
ALIKE = "a"
"""The letter of a structure that nobody's behaviour made: items of near content."""
FOREVER = (1 << 20) - 1
"""As a day to look back from: every edge is known."""


@dataclass(frozen=True, slots=True)
class Csr:
    """Weighted adjacency: ``indices[indptr[i]:indptr[i+1]]`` are the neighbours of i, the earliest first; ``cumulated`` (E+1,) sums weights.

    ``moments`` (E,) ascend: the row in the high bits, the day since when the edge is known in the low ones.
    """

    indptr: Tensor
    indices: Tensor
    cumulated: Tensor
    moments: Tensor

    def step(self, at: Tensor, draw: Tensor, avoid: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
        """Return one neighbour (M,) of each of ``at`` (M,) and whether there is one; ``draw`` (M,) in [0, 1) picks by weight.

        Only edges known earlier than the day ``before`` (M,) count. A draw that meets ``avoid`` (M,) takes the next neighbour in the
        row instead; a row of nothing else has none.
        """
        if not len(self.indices):
            return at, torch.zeros_like(at, dtype=torch.bool)
        start, end = self.indptr[at], torch.searchsorted(self.moments, _moment(at, before))
        low, high = self.cumulated[start], self.cumulated[end]
        found = torch.searchsorted(self.cumulated, low + draw * (high - low), right=True) - 1
        edge = torch.minimum(torch.maximum(found, start), end - 1).clamp_min(0)
        following = torch.where(edge + 1 < end, edge + 1, start).clamp_max(len(self.indices) - 1)
        node = torch.where(self.indices[edge] == avoid, self.indices[following], self.indices[edge])
        return node, (end > start) & (node != avoid)


def _moment(row: Tensor, day: Tensor) -> Tensor:
    return row * (FOREVER + 1) + day


def build_csr(src: Ints, dst: Ints, weights: Floats, days: Ints, num_items: int) -> Csr:
    """Return the CSR of directed edges, each of which stands there once."""
    order = np.lexsort((dst, days, src))
    row = src[order]
    indptr = np.searchsorted(row, np.arange(num_items + 1))
    cumulated = np.concatenate([[0.0], np.cumsum(weights[order], dtype=np.float64)])
    moments = _moment(torch.from_numpy(row), torch.from_numpy(days[order]))
    return Csr(torch.from_numpy(indptr), torch.from_numpy(dst[order]), torch.from_numpy(cumulated), moments)


Columns = tuple[Ints, Ints, Floats, Ints]
"""Undirected edges, (E,) each: lower end, higher end, weight, and the day since when it is known."""
Edges = Mapping[str, Columns]
"""Letter of a relation -> its edges."""


@dataclass(frozen=True, slots=True)
class RelationGraph:
    """The graph that paths walk on: a letter of a path names the relation, 's', 'c' or ``ALIKE``. Walks ignore direction: both ends see an edge."""

    num_items: int
    edges: Edges
    relations: Mapping[str, Csr]

    def without(self, rate: float, generator: torch.Generator) -> "RelationGraph":
        """Return a second view with ``rate`` of each relation's edges dropped at random, both directions together."""
        return _assemble(self.num_items, drop_edges(self.edges, rate, generator))


def build_graph(pairs: Pairs, num_items: int, *, fresh: bool = False, alike: Pairs | None = None) -> RelationGraph:
    """Return the walkable graph of typed pairs, and of those that are ``alike``.

    Where it is ``fresh``, an edge weighs what decay and season leave of it.
    """
    if fresh:
        pairs = replace(pairs, weights=pairs.weights * pairs.freshness)
    of = {kind[0]: pairs.of_type(kind) for kind in ("substitute", "complement")} | ({} if alike is None else {ALIKE: alike})
    return _assemble(num_items, {letter: _undirected(own, num_items) for letter, own in of.items()})


def drop_edges(edges: Edges, rate: float, generator: torch.Generator) -> Edges:
    """Return the edges without a random ``rate`` of each relation's."""
    kept = {}
    for letter, (src, dst, weights, days) in edges.items():
        mask = (torch.rand(len(src), generator=generator) >= rate).numpy()
        kept[letter] = (src[mask], dst[mask], weights[mask], days[mask])
    return kept


def _undirected(pairs: Pairs, num_items: int) -> Columns:
    """Return each pair once, by its greatest weight and its first day."""
    low, high = np.minimum(pairs.src, pairs.dst), np.maximum(pairs.src, pairs.dst)
    order = np.lexsort((-pairs.weights, low * num_items + high))
    _, first = np.unique((low * num_items + high)[order], return_index=True)
    pick, days = order[first], np.minimum.reduceat(pairs.days[order], first) if len(first) else pairs.days
    return low[pick], high[pick], np.maximum(pairs.weights[pick], np.float32(1e-3)), days


def _assemble(num_items: int, edges: Edges) -> RelationGraph:
    both = {letter: build_csr(*_both_ways(*of), num_items) for letter, of in edges.items()}
    return RelationGraph(num_items, edges, both)


def _both_ways(low: Ints, high: Ints, weights: Floats, days: Ints) -> Columns:
    return np.concatenate([low, high]), np.concatenate([high, low]), np.concatenate([weights, weights]), np.concatenate([days, days])


Walks = dict[str, tuple[Tensor, Tensor]]
"""Path -> items visited (B, F, L) by F instances of a path of L hops, and whether each instance exists (B, F)."""


class Queries(NamedTuple):
    """B items to walk from, each as of its day ``before`` (B,), without the edge to ``partners`` (B,).

    A partner is the item that a loss pairs the query with, so a pair cannot be told by its own edge.
    """

    nodes: Tensor
    partners: Tensor
    before: Tensor

    @classmethod
    def of(cls, nodes: Tensor) -> "Queries":
        """Return ``nodes`` (B,) with nobody kept apart and every edge known."""
        return cls(nodes, torch.full_like(nodes, NOBODY), torch.full_like(nodes, FOREVER))

    def alone(self, count: int) -> "Queries":
        """Return the first ``count`` queries, nobody kept apart."""
        return Queries(self.nodes[:count], torch.full_like(self.nodes[:count], NOBODY), self.before[:count])

    def repeated(self, times: int) -> "Queries":
        """Return each query ``times`` times in a row."""
        return Queries(*(part.repeat_interleave(times) for part in self))


def sample_walks(graph: RelationGraph, paths: Sequence[str], queries: Queries, fanout: int, generator: torch.Generator) -> Walks:
    """Sample ``fanout`` instances of every path from each query; a path's instances continue its prefix's.

    ``paths`` holds every prefix before its path. First hops are stratified, so a node of at most ``fanout`` equally weighted
    neighbours sees all of them. No instance returns to its query.
    """
    walks: Walks = {}
    size, each = len(queries.nodes), queries.repeated(fanout)
    for path in paths:
        draw = torch.rand(size, fanout, generator=generator)
        if len(path) == 1:
            strata = (torch.arange(fanout) + draw) / fanout
            node, real = graph.relations[path].step(each.nodes, strata.flatten(), each.partners, each.before)
            walks[path] = (node.view(-1, fanout, 1), real.view(-1, fanout))
        else:
            before, was = walks[path[:-1]]
            node, real = graph.relations[path[-1]].step(before[..., -1].flatten(), draw.flatten(), each.nodes, each.before)
            walks[path] = (torch.cat([before, node.view(-1, fanout, 1)], dim=-1), real.view(-1, fanout) & was)
    return walks
