"""Walks read out of the subgraphs that PyG's ``NeighborLoader`` samples over ``HeteroData`` with an edge type a relation.

Its C++ sampler comes with pyg-lib or torch-sparse, one of which must be installed beside torch-geometric. It has its best: a fan-out that
samples no more than the instances need (as many neighbours of a query as instances, one of everything behind them), no features copied, no
edge stored that is not walked, and instances read by tensor operations in its own processes (``transform``).

What differs from ours: weights are not read (torch-sparse knows none); neighbours are drawn with replacement, not in strata; in a batch each item is
sampled once, so instances of several queries that meet in it go on to the same neighbour; an instance that returns to its query, or
takes the pair's own edge, is dropped instead of taking the next neighbour.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch_geometric.typing
from torch import Tensor
from torch_geometric.data import HeteroData
from torch_geometric.index import index2ptr
from torch_geometric.loader import NeighborLoader
from torch_geometric.sampler import NeighborSampler

from benchmarks.mmsc.lesson import Lesson
from benchmarks.mmsc.metapath_sampler import both_ways
from goeswith.errors import EnvironmentMissing
from training.mmsc.graph import Edges, Queries, Walks

ITEM = "item"
INSTALL = "FORCE_ONLY_CPU=1 uv pip install --no-build-isolation torch-scatter torch-sparse"


def backend() -> str:
    """Return the package that holds PyG's C++ sampler. Raises ``EnvironmentMissing`` where there is none."""
    if torch_geometric.typing.WITH_PYG_LIB:
        return "pyg-lib"
    if torch_geometric.typing.WITH_TORCH_SPARSE:
        return "torch-sparse"
    raise EnvironmentMissing(
        "PyG's NeighborLoader needs pyg-lib or torch-sparse, and neither is installed",
        f"install one, for example {INSTALL} (builds for minutes); or --slices metapath_sampler,capacity",
    )


class LoadedNeighbors:
    """Walks along one graph's edges, through the loader."""

    def __init__(self, edges: Edges, lesson: Lesson) -> None:
        recipe = lesson.recipe
        self.paths, self.fanout = recipe.all_paths(), recipe.fanout
        self.num_neighbors = [self.fanout] + [1] * (max(map(len, self.paths)) - 1)
        self.data = HeteroData()
        self.data[ITEM].num_nodes = lesson.graph.num_items
        for letter in edges:
            self.data[ITEM, letter, ITEM].edge_index = both_ways(edges, letter)
        self.sampler = NeighborSampler(self.data, self.num_neighbors, replace=True)

    def walks(self, asked: Sequence[Queries], workers: int) -> Iterator[Walks]:
        """Yield the walks of each of ``asked``, which are all as long as the first."""
        nodes, partners, _ = (torch.cat(column) for column in zip(*asked, strict=True))
        loader: Any = NeighborLoader(
            self.data,
            self.num_neighbors,
            input_nodes=(ITEM, nodes),
            neighbor_sampler=self.sampler,
            transform=ReadWalks(self.paths, self.fanout, partners),
            filter_per_worker=True,
            batch_size=len(asked[0].nodes),
            num_workers=workers,
        )
        return iter(loader)


@dataclass(frozen=True, slots=True)
class ReadWalks:
    """Reads the instances of every path out of a sampled subgraph; ``partners`` are those of all nodes that the loader was given."""

    paths: tuple[str, ...]
    fanout: int
    partners: Tensor

    def __call__(self, data: HeteroData) -> Walks:
        """Return the walks of the batch's queries; within, items are numbered as in the subgraph."""
        item = data[ITEM]
        hops = {letter: _sampled(data[ITEM, letter, ITEM].edge_index, len(item.n_id)) for letter in set("".join(self.paths))}
        queries = torch.arange(item.batch_size)[:, None]
        walks: Walks = {"": (queries.expand(-1, self.fanout).unsqueeze(-1), torch.ones(len(queries), self.fanout, dtype=torch.bool))}
        for path in self.paths:
            before, was = walks[path[:-1]]
            found, there = _step(*hops[path[-1]], before[..., -1])
            avoided = self.partners[item.input_id] if len(path) == 1 else item.n_id[: item.batch_size]
            real = was & there & (item.n_id[found] != avoided[:, None])
            walks[path] = torch.cat([before, found.unsqueeze(-1)], dim=-1), real
        return {path: (item.n_id[walks[path][0][..., 1:]], walks[path][1]) for path in self.paths}


def _sampled(edge_index: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Return where the sampled neighbours of each item begin (S + 1,), and the neighbours; samplers give edges by their target, in order."""
    neighbours, of = edge_index
    return index2ptr(of, size), torch.cat([neighbours, neighbours.new_zeros(1)])


def _step(pointers: Tensor, neighbours: Tensor, at: Tensor) -> tuple[Tensor, Tensor]:
    """Return a sampled neighbour of each of ``at`` (B, F) and whether there is one: another one for each of F as far as they go."""
    start, count = pointers[at], pointers[at + 1] - pointers[at]
    edge = start + torch.arange(at.shape[1]) % count.clamp_min(1)
    return neighbours[edge], count > 0
