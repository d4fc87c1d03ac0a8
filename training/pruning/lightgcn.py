"""LightGCN as an auto-encoder of the item graph: how well does each pair fit the rest (CIRP, relation pruning; models.md section 1).

The adjacency is one sparse matrix, so memory grows with edges: PyG's per-edge messages and its ``recommend`` (a dense
score matrix that keeps known edges) are not used. It is its own transpose, which autograd does not know: going backward by
the same matrix makes a step five times as fast as ``LGConv``, which sorts the matrix anew each time.
Shapes: N items, E undirected edges, B pairs of a batch, D width.
"""

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch_geometric.nn.conv.gcn_conv import gcn_norm
from torch_geometric.utils import coalesce, to_undirected

from training.dataset import Floats, Ints
from training.negatives import EdgeSet, draw_negatives
from training.trainer.task import Task

SCORE_CHUNK = 262_144
"""Pairs scored at a time."""


class Propagate(torch.autograd.Function):
    """A @ x for a symmetric sparse A (N, N) and x (N, D); the gradient is A @ g, for A is its own transpose."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, adjacency: Tensor) -> Tensor:
        """Return A @ x."""
        ctx.adjacency = adjacency
        return adjacency @ x

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """Return A @ g; the adjacency learns nothing."""
        return ctx.adjacency @ gradient, None


class LightGCN(nn.Module):
    """Embeddings (N, D) smoothed over the graph; each layer's output L2-normalised before the mean over layers 0..L."""

    adjacency: Tensor

    def __init__(self, edges: Tensor, num_nodes: int, dim: int, layers: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(num_nodes, dim)
        nn.init.xavier_uniform_(self.embedding.weight)
        self.layers = layers
        self.register_buffer("adjacency", normalised_adjacency(edges, num_nodes), persistent=False)

    def forward(self) -> Tensor:
        """Return the smoothed embeddings (N, D)."""
        x: Tensor = self.embedding.weight
        outputs = [F.normalize(x, dim=1)]
        for _ in range(self.layers):
            x = Propagate.apply(x, self.adjacency)
            outputs.append(F.normalize(x, dim=1))
        return torch.stack(outputs).mean(0)


def normalised_adjacency(edges: Tensor, num_nodes: int) -> Tensor:
    """Return D^-1/2 A D^-1/2 of the undirected graph of ``edges`` (2, E) without multiplicities, sparse CSR (N, N)."""
    edges = coalesce(to_undirected(edges, num_nodes=num_nodes), num_nodes=num_nodes)
    edges, weights = gcn_norm(edges, None, num_nodes, add_self_loops=False)
    adjacency = torch.sparse_coo_tensor(edges, weights, (num_nodes, num_nodes), check_invariants=False).coalesce()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        return adjacency.to_sparse_csr()


class PruningTask(Task):
    """BPR: an edge scores above the same item with each of some non-neighbours, drawn uniformly or (``by_degree``) as often as they have edges."""

    def __init__(
        self, src: Ints, dst: Ints, num_nodes: int, *, dim: int, layers: int, batch: int, negatives: int = 1, by_degree: bool = False
    ) -> None:
        edges = np.unique(np.stack([np.minimum(src, dst), np.maximum(src, dst)]), axis=1)
        self.edges = torch.from_numpy(edges)
        self.known = EdgeSet(self.edges[0], self.edges[1], num_nodes)
        self.among = self.edges.flatten() if by_degree else None
        self.batch, self.negatives = batch, negatives
        self.model: LightGCN = LightGCN(self.edges, num_nodes, dim, layers)

    def plans(self, generator: torch.Generator) -> Iterator[Tensor]:
        """Yield (2 + negatives, B): item, neighbour, non-neighbours; each edge once, from a random end."""
        order = torch.randperm(self.edges.shape[1], generator=generator)
        for part in torch.split(order, self.batch):
            ends = self.edges[:, part]
            flip = torch.rand(len(part), generator=generator) < 0.5
            src, dst = torch.where(flip, ends[1], ends[0]), torch.where(flip, ends[0], ends[1])
            yield torch.stack([src, dst, *(draw_negatives(src, self.known, generator, self.among) for _ in range(self.negatives))])

    def steps_per_epoch(self) -> int:
        """Return the number of batches."""
        return -(-self.edges.shape[1] // self.batch)

    def losses(self, batch: Tensor) -> dict[str, Tensor]:
        """Return the BPR loss, -log sigmoid(e_i . e_j - e_i . e_k), mean over the non-neighbours k."""
        x = self.model()
        src, dst, others = x[batch[0]], x[batch[1]], x[batch[2:]]
        return {"bpr_loss": F.softplus((src * (others - dst)).sum(-1)).mean()}

    def items_in(self, batch: Tensor) -> int:
        """Return the number of edges."""
        return batch.shape[1]


@torch.no_grad()
def score_pairs(model: LightGCN, src: Ints, dst: Ints) -> Floats:
    """Return e_src . e_dst of P pairs, (P,), in chunks."""
    x = model().cpu()
    parts = []
    for start in range(0, len(src), SCORE_CHUNK):
        at = slice(start, start + SCORE_CHUNK)
        parts.append((x[torch.from_numpy(src[at])] * x[torch.from_numpy(dst[at])]).sum(1))
    return torch.cat(parts).numpy() if parts else np.empty(0, np.float32)
