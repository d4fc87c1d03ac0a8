"""Graph networks as baselines: LightGCN, which knows an item by its edges, and GraphSAGE, which reads what items say of themselves, too.

Both learn from the training pairs of one type alone and rank by the dot product of what they make of two items. Held-out edges choose
when they stop; what ranks then passes its messages along these, too. Shapes: N items, E undirected edges, B edges of a batch, D width.
"""

from collections.abc import Callable, Iterator
from functools import cached_property, partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from sklearn.decomposition import TruncatedSVD
from torch import Tensor, nn

from training.dataset import Floats, Ints, TrainingSet
from training.evaluation.baselines.content import content
from training.evaluation.graph import KINDS, counted, undirected
from training.evaluation.ranker import RelationRanker
from training.evaluation.similarity import Constant, DenseDot, Similarity
from training.negatives import EdgeSet, draw_negatives
from training.pruning.lightgcn import LightGCN, Propagate, normalised_adjacency
from training.trainer.loop import TrainerConfig, fit
from training.trainer.task import Task

FEWEST_EDGES = 200
"""Edges of a type below which a network has nothing to learn from."""
WIDTH, LAYERS = 64, 3
BATCH, STEPS, EPOCHS, PATIENCE = 2_048, 30, 20, 4
"""Edges a step, steps from one look at held-out edges to the next, looks at most, and looks without a gain."""
SHARPNESS = 10.0
"""What GraphSAGE's cosines are multiplied by where a loss compares them."""
HELD, MOST_HELD, AGAINST = 0.05, 1_000, 200
"""Share of the edges that is held out, at most so many, and random items that each is ranked against."""


class WarmLightGCN(LightGCN):
    """LightGCN; an item without an edge has no vector."""

    def __init__(self, edges: Tensor, num_items: int) -> None:
        super().__init__(edges, num_items, WIDTH, LAYERS)
        self.see(edges)

    def see(self, edges: Tensor) -> None:
        """Pass messages along ``edges``."""
        self.adjacency = normalised_adjacency(edges, self.embedding.num_embeddings)
        self.warm = torch.zeros(self.embedding.num_embeddings, 1)
        self.warm[edges.flatten()] = 1

    def forward(self, _hidden: Tensor | None = None) -> Tensor:
        """Return the smoothed embeddings, zero of who has no edge; LightGCN is trained along the very edges that it is asked about."""
        return super().forward() * self.warm


class GraphSage(nn.Module):
    """Two layers of GraphSAGE's mean aggregator (Hamilton, Ying, Leskovec, 2017): x' = W_own x + W_near mean(x of the neighbours)."""

    def __init__(self, features: Tensor, edges: Tensor) -> None:
        super().__init__()
        self.features, width = features, features.shape[1]
        self.own = nn.ModuleList([nn.Linear(width, WIDTH), nn.Linear(WIDTH, WIDTH)])
        self.near = nn.ModuleList([nn.Linear(width, WIDTH, bias=False), nn.Linear(WIDTH, WIDTH, bias=False)])
        self.see(edges)

    def see(self, edges: Tensor) -> None:
        """Pass messages along ``edges``."""
        self.adjacency = ones(edges, len(self.features))

    def forward(self, hidden: Tensor | None = None) -> Tensor:
        """Return (N, D) of one length."""
        gone = None if hidden is None else ones(hidden, len(self.features))
        x = self.features
        for layer, (own, near) in enumerate(zip(self.own, self.near, strict=True)):
            x = own(x) + near(self._mean(x, gone))
            x = torch.relu(x) if layer == 0 else x
        vectors: Tensor = nn.functional.normalize(x, dim=1) * SHARPNESS**0.5
        return vectors

    def _mean(self, x: Tensor, gone: Tensor | None) -> Tensor:
        """Return the neighbours' mean (N, D), zero where there is none: sums over all edges less those over ``gone``, which are few."""
        each = torch.cat([x, torch.ones(len(x), 1)], dim=1)
        sums = Propagate.apply(each, self.adjacency)
        if gone is not None:
            sums = sums - Propagate.apply(each, gone)
        mean: Tensor = sums[:, :-1] / sums[:, -1:].clamp_min(1)
        return mean


def ones(edges: Tensor, num_items: int) -> Tensor:
    """Return the undirected graph of ``edges`` (2, E) as a sparse matrix (N, N) of ones."""
    weighted = normalised_adjacency(edges, num_items)
    return torch.sparse_csr_tensor(
        weighted.crow_indices(), weighted.col_indices(), torch.ones_like(weighted.values()), weighted.shape, check_invariants=False
    )


class EdgeTask(Task):
    """BPR: the ends of an edge are nearer to each other than one of them is to a random item that it has no edge with."""

    def __init__(self, model: "WarmLightGCN | GraphSage", edges: Tensor, held: Tensor, num_items: int, seed: int) -> None:
        self.model: WarmLightGCN | GraphSage = model
        self.edges, self.held = edges, held
        src, dst = torch.cat([edges, held], dim=1)
        self.known = EdgeSet(src, dst, num_items)
        generator = torch.Generator().manual_seed(seed)
        self.others = torch.stack([draw_negatives(held[0], self.known, generator) for _ in range(AGAINST)], dim=1)

    def steps_per_epoch(self) -> int:
        """Return batches between two looks."""
        return STEPS

    def plans(self, generator: torch.Generator) -> Iterator[Tensor]:
        """Yield (3, B): an item, its neighbour, and who is none."""
        for _ in range(self.steps_per_epoch()):
            ends = self.edges[:, torch.randint(self.edges.shape[1], (BATCH,), generator=generator)]
            flip = torch.rand(BATCH, generator=generator) < 0.5
            src, dst = torch.where(flip, ends[1], ends[0]), torch.where(flip, ends[0], ends[1])
            yield torch.stack([src, dst, draw_negatives(src, self.known, generator)])

    def losses(self, batch: Tensor) -> dict[str, Tensor]:
        """Return -log sigmoid(x_i . x_j - x_i . x_k)."""
        x = self.model(batch[:2])
        src, dst, other = nn.functional.embedding(batch, x)
        return {"bpr_loss": nn.functional.softplus((src * (other - dst)).sum(-1)).mean()}

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Return the mean reciprocal rank of held-out edges' ends."""
        x = self.model()
        src, dst = x[self.held]
        true, others = (src * dst).sum(-1, keepdim=True), torch.einsum("hd,hcd->hc", src, x[self.others])
        ranks = 1 + (others > true).sum(1) + (others == true).sum(1) / 2
        return {"score": float((1 / ranks).mean())}

    def items_in(self, batch: Tensor) -> int:
        """Return the number of edges."""
        return batch.shape[1]


def graph_networks(training: TrainingSet, seed: int) -> list[RelationRanker]:
    """Return both networks' rankings, each learned when it is first asked: bundles ask about no substitute.

    A type with too few edges has none to learn from, and all items alike.
    """
    features = read_features(training, seed)
    return [
        RelationRanker(name, *(WhenAsked(partial(_fit, name, read_edges(training, kind), features, seed)) for kind in KINDS))
        for name in ("lightgcn", "graphsage")
    ]


class WhenAsked:
    """A similarity that is learned when the first row is asked for."""

    def __init__(self, learn: Callable[[], Similarity]) -> None:
        self.learn = learn

    @cached_property
    def learned(self) -> Similarity:
        """What was learned."""
        return self.learn()

    def rows(self, src: Ints) -> Floats:
        """Return (B, N) similarities."""
        return self.learned.rows(src)


def read_edges(training: TrainingSet, kind: str) -> Tensor:
    """Return the distinct edges (2, E) of a type, least end first."""
    matrix = undirected(counted(training.pairs, kind, len(training.items))).tocoo()
    once = matrix.row < matrix.col
    return torch.from_numpy(np.stack([matrix.row[once], matrix.col[once]]).astype(np.int64))


def read_features(training: TrainingSet, seed: int) -> Tensor:
    """Return brand, category and words of titles in ``WIDTH`` dimensions (N, WIDTH), rows of about length 1."""
    matrix = content(training.items).features
    width = min(WIDTH, min(matrix.shape) - 1)
    if width < 1:
        return torch.ones(matrix.shape[0], 1)
    return torch.from_numpy(TruncatedSVD(width, random_state=seed).fit_transform(matrix).astype(np.float32))


def _fit(name: str, edges: Tensor, features: Tensor, seed: int) -> Similarity:
    if edges.shape[1] < FEWEST_EDGES:
        return Constant(np.zeros(len(features), dtype=np.float32))
    vectors = fit_network(name, edges, features, seed)
    return DenseDot(vectors, vectors)


def fit_network(name: str, edges: Tensor, features: Tensor, seed: int) -> Floats:
    """Return the vectors (N, D) of the network ``name`` that learned from ``edges``."""
    order = torch.randperm(edges.shape[1], generator=torch.Generator().manual_seed(seed))
    count = min(MOST_HELD, int(edges.shape[1] * HELD))
    held, kept = edges[:, order[:count]], edges[:, order[count:]]
    torch.manual_seed(seed)
    model = WarmLightGCN(kept, len(features)) if name == "lightgcn" else GraphSage(features, kept)
    config = TrainerConfig(epochs=EPOCHS, lr=0.01, patience=PATIENCE, seed=seed, device="cpu")
    with TemporaryDirectory() as folder:
        fit(EdgeTask(model, kept, held, len(features), seed), config, Path(folder), what=name)
    model.see(edges)
    with torch.no_grad():
        return np.asarray(model().numpy(), dtype=np.float32)
