"""Walks by PyG's own sampler of meta-paths: the function that ``MetaPath2Vec`` walks with, hop by hop, prefixes shared as ours are.

It needs nothing but torch. What differs from ours: it knows no weights; first hops are drawn with replacement instead of in strata; an instance
that returns to its query, or takes the pair's own edge, is dropped instead of taking the next neighbour.
"""

from collections.abc import Iterator, Sequence
from typing import Any, cast

import torch
from torch import Tensor
from torch.utils.data import DataLoader
from torch_geometric.index import index2ptr
from torch_geometric.nn.models.metapath2vec import sample
from torch_geometric.utils import sort_edge_index

from benchmarks.mmsc.lesson import Lesson
from training.mmsc.graph import Edges, Queries, Walks

Rows = tuple[Tensor, Tensor, Tensor]
"""Row pointers (N + 1,), neighbours (E,) and degrees (N,)."""


class MetapathSampler:
    """Walks along one graph's edges."""

    def __init__(self, edges: Edges, lesson: Lesson) -> None:
        self.paths, self.fanout, self.nobody = lesson.recipe.all_paths(), lesson.recipe.fanout, lesson.graph.num_items
        self.rows = {letter: _rows(both_ways(edges, letter), self.nobody) for letter in edges}

    def walks(self, asked: Sequence[Queries], workers: int) -> Iterator[Walks]:
        """Yield the walks of each of ``asked``."""
        given, walk = cast("Any", list(asked)), cast("Any", self.walk)  # a list does as a dataset; what is not batched goes to it as it is
        return iter(DataLoader(given, batch_size=None, collate_fn=walk, num_workers=workers))

    def walk(self, asked: Queries) -> Walks:
        """Return the walks from some nodes."""
        nodes, partners, _ = asked
        walks: Walks = {}
        for path in self.paths:
            ends = walks[path[:-1]][0][..., -1] if len(path) > 1 else nodes
            found = sample(*self.rows[path[-1]], ends.flatten(), self.fanout if len(path) == 1 else 1, self.nobody).view(-1, self.fanout, 1)
            avoided, visited = (nodes, torch.cat([walks[path[:-1]][0], found], dim=-1)) if len(path) > 1 else (partners, found)
            real = (found[..., 0] < self.nobody) & (found[..., 0] != avoided[:, None])
            walks[path] = visited, real & walks[path[:-1]][1] if len(path) > 1 else real
        return {path: (visited.clamp_max(self.nobody - 1), real) for path, (visited, real) in walks.items()}


def both_ways(edges: Edges, letter: str) -> Tensor:
    """Return PyG's ``edge_index`` (2, 2E) of a relation in both directions."""
    src, dst = (torch.from_numpy(column) for column in edges[letter][:2])
    return torch.stack([torch.cat([src, dst]), torch.cat([dst, src])])


def _rows(edge_index: Tensor, num_items: int) -> Rows:
    row, col = sort_edge_index(edge_index, num_nodes=num_items)
    rowptr = index2ptr(row, size=num_items)
    return rowptr, col, rowptr[1:] - rowptr[:-1]
