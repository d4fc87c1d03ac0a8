"""MMSC's objective for the one trainer: L = L_triplet + lambda L_ssl (models.md section 2, Loss)."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from training.dataset import UNDATED, Ints, Pairs
from training.mmsc.content import Tokens
from training.mmsc.graph import FOREVER, NOBODY, Queries, RelationGraph, Walks, sample_walks
from training.mmsc.losses import info_nce, triplet
from training.mmsc.model import Behaviour, Mmsc, Relational
from training.mmsc.pairs import Adjacency, Split
from training.mmsc.recipe import KINDS, MmscRecipe
from training.mmsc.validation import hidden_ndcg
from training.trainer.task import Task

SSL_ITEMS = 512
"""Items of a batch whose two views are compared."""


class Batch(NamedTuple):
    """B pairs. ``nodes`` (3B + M,) are sources, their targets, a hard negative each, and the pool of M uniform negatives."""

    nodes: Tensor
    content_at: Tensor
    """(3B + M,) where the content of each node stands in ``values`` and ``present``, which hold every item once."""
    values: dict[str, Tensor]
    present: dict[str, Tensor]
    walks: Walks
    kinds: Tensor
    """(B,) index into KINDS."""
    weights: Tensor
    allowed: Tensor
    """(B, M + 2) which of pool, hard negative and reversed pair are negatives of the pair."""
    second: Walks
    """Walks of the first ``SSL_ITEMS`` sources over the graph with edges dropped."""


class Drawn(NamedTuple):
    """What a batch of B pairs asks about, before walks are sampled: ``queries`` of the ``nodes`` of ``Batch``, (3B + M,)."""

    pairs: Pairs
    kinds: Tensor
    has_hard: Tensor
    """(B,) whether the hard negative is one."""
    queries: Queries


class MmscTask(Task):
    """Batches and losses over the kept pairs; validation over the hidden ones."""

    def __init__(self, recipe: MmscRecipe, model: Mmsc, tokens: Tokens, graph: RelationGraph, split: Split) -> None:
        self.model: Mmsc = model
        self.recipe, self.tokens, self.graph, self.split = recipe, tokens, graph, split
        self.adjacency = Adjacency.build(split.kept, graph.num_items)
        self.num_pairs = min(len(split.kept), recipe.epoch_pairs)

    def steps_per_epoch(self) -> int:
        """Return the number of batches."""
        return math.ceil(self.num_pairs / self.recipe.batch)

    def items_in(self, batch: Batch) -> int:
        """Return the number of items whose vectors the batch computes."""
        return len(batch.nodes)

    def plans(self, generator: torch.Generator) -> Iterator[Batch]:
        """Yield batches of pairs with their negatives and sampled walks; every epoch drops other edges for the second view."""
        view = self.second_view(generator)
        for chosen in self.order(generator):
            yield self._batch(chosen, view, generator)

    def second_view(self, generator: torch.Generator) -> RelationGraph:
        """Return the graph of an epoch's second view, edges dropped."""
        return self.graph.without(self.recipe.drop_edges, generator) if self.recipe.ssl_weight else self.graph

    def order(self, generator: torch.Generator) -> list[Ints]:
        """Return the positions (B,) of each batch's pairs in one epoch."""
        order = torch.randperm(len(self.split.kept), generator=generator)[: self.num_pairs]
        return [chosen.numpy() for chosen in torch.split(order, self.recipe.batch)]

    def _batch(self, chosen: Ints, view: RelationGraph, generator: torch.Generator) -> Batch:
        drawn = self.draw(chosen, generator)
        walks = self.walk(self.graph, drawn.queries, generator)
        return self.fill(drawn, walks, self.walk(view, self.second_queries(drawn), generator))

    def walk(self, graph: RelationGraph, queries: Queries, generator: torch.Generator) -> Walks:
        """Return sampled walks of every path."""
        return sample_walks(graph, self.recipe.all_paths(), queries, self.recipe.fanout, generator)

    def draw(self, chosen: Ints, generator: torch.Generator) -> Drawn:
        """Return the pairs at ``chosen`` (B,) with a pool and a hard negative each."""
        pairs = self.split.kept.take(chosen)
        src, dst = torch.from_numpy(pairs.src), torch.from_numpy(pairs.dst)
        kinds = torch.from_numpy((pairs.types == KINDS[1]).astype(np.int64))
        pool = torch.randint(self.graph.num_items, (self.recipe.pool,), generator=generator)
        before = self._before(pairs.days)
        hard, has_hard = self._hard(Queries(src, torch.full_like(src, NOBODY), before), kinds, generator)
        partners = torch.cat([dst, src, src, torch.full_like(pool, NOBODY)])
        # The pool is read as of days that pairs have, too: a negative must not be told by how much is known of it.
        days = torch.cat([before, before, before, before[torch.arange(len(pool)) % len(before)]])
        return Drawn(pairs, kinds, has_hard, Queries(torch.cat([src, dst, hard, pool]), partners, days))

    def second_queries(self, drawn: Drawn) -> Queries:
        """Return the sources whose two views are compared, at most ``SSL_ITEMS``."""
        return drawn.queries.alone(min(SSL_ITEMS, len(drawn.kinds)) if self.recipe.ssl_weight else 0)

    def fill(self, drawn: Drawn, walks: Walks, second: Walks) -> Batch:
        """Return the batch: contents, which negatives count, and the walks of ``drawn.queries`` and of ``second_queries``."""
        items, content_at = torch.unique(drawn.queries.nodes, return_inverse=True)
        tokens = self.tokens.take(items)
        return Batch(
            nodes=drawn.queries.nodes,
            content_at=content_at,
            values=tokens.values,
            present=tokens.present,
            walks=walks,
            kinds=drawn.kinds,
            weights=torch.from_numpy(drawn.pairs.weights) if self.recipe.verdict_weights else torch.ones(len(drawn.kinds)),
            allowed=self._allowed(drawn),
            second=second,
        )

    def _before(self, days: Ints) -> Tensor:
        """Return the day (B,) as of which each pair is read: the one on which it met first, so nothing that came with it or later tells it."""
        return torch.from_numpy(np.where(days == UNDATED, FOREVER, days) if self.recipe.in_time else np.full_like(days, FOREVER))

    def _hard(self, sources: Queries, kinds: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return a neighbour (B,) of each source in the *other* task, and whether it has one."""
        hard, real = sources.nodes.clone(), torch.zeros_like(sources.nodes, dtype=torch.bool)
        for index, other in enumerate(reversed(KINDS)):
            rows = kinds == index
            draw = torch.rand(int(rows.sum()), generator=generator)
            some = Queries(*(part[rows] for part in sources))
            hard[rows], real[rows] = self.graph.relations[other[0]].step(some.nodes, draw, some.partners, some.before)
        return hard, real

    def _allowed(self, drawn: Drawn) -> Tensor:
        """Return which negatives count: not adjacent to the source in the pair's own task; the reverse only of one-way complements."""
        kinds, has_hard, size = drawn.kinds, drawn.has_hard, len(drawn.kinds)
        src, dst, hard, pool = torch.split(drawn.queries.nodes, [size, size, size, len(drawn.queries.nodes) - 3 * size])
        allowed = torch.zeros(len(src), len(pool) + 2, dtype=torch.bool)
        for index, kind in enumerate(KINDS):
            rows = torch.nonzero(kinds == index).flatten()
            s, h = src[rows].numpy(), hard[rows].numpy()
            allowed[rows, :-2] = torch.from_numpy(~self.adjacency.joined(kind, s[:, None], pool.numpy()[None, :]))
            allowed[rows, -2] = has_hard[rows] & torch.from_numpy(~self.adjacency.joined(kind, s, h))
        allowed[:, -1] = (kinds == 1) & torch.from_numpy(~self.adjacency.directed_complement(dst.numpy(), src.numpy()))
        return allowed

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Return triplet losses of both tasks, each over both readings of the items, and lambda L_ssl."""
        q = self.model.contents(Tokens(batch.values, batch.present)).index_select(0, batch.content_at)
        seen = self.model.behaviour(batch.nodes, batch.walks)
        readings = (self.model.read(q, seen), self.model.read(q, seen.unknown()))
        found = {f"{kind}_loss": self._triplets(batch, readings, index) for index, kind in enumerate(KINDS)}
        return {**found, "ssl_loss": self.recipe.ssl_weight * self._ssl(batch, seen)} if self.recipe.ssl_weight else found

    def _triplets(self, batch: Batch, readings: tuple[Relational, Relational], index: int) -> Tensor:
        return self._triplet(batch, readings[0], index) + self._triplet(batch, readings[1], index)

    def _triplet(self, batch: Batch, vectors: Relational, index: int) -> Tensor:
        rows, size = torch.nonzero(batch.kinds == index).flatten(), len(batch.kinds)
        source, target = (vectors.substitute,) * 2 if index == 0 else (vectors.complement_source, vectors.complement_target)
        anchor = source[rows]
        positive = (anchor * target[rows + size]).sum(-1)
        hard = (anchor * target[rows + 2 * size]).sum(-1)
        reverse = (source[rows + size] * target[rows]).sum(-1)
        negatives = torch.cat([anchor @ target[3 * size :].T, hard[:, None], reverse[:, None]], dim=1)
        return triplet(positive, negatives, batch.allowed[rows], batch.weights[rows], self.recipe.margin)

    def _ssl(self, batch: Batch, first: Behaviour) -> Tensor:
        """Return InfoNCE between both views of the first sources, summed over tasks, where both views know behaviour."""
        count = min(SSL_ITEMS, len(batch.kinds))
        second = self.model.behaviour(batch.nodes[:count], batch.second)
        total = first.p[KINDS[0]].new_zeros(())
        for kind in KINDS:
            both = first.known[kind][:count] & second.known[kind]
            total = total + info_nce(first.p[kind][:count][both], second.p[kind][both], batch.nodes[:count][both], self.recipe.temperature)
        return total

    def validate(self) -> dict[str, float]:
        """Return NDCG@10 of hidden pairs by task; their mean is the score."""
        return hidden_ndcg(self.model, self.tokens, self.graph, self.split, self.adjacency, self.recipe)
