"""Complements of several kinds in one answer: which kinds go with an item's kind, then the best items within each.

A racket wants balls, grips and a bag, not three packs of balls (P-Companion, CIKM 2020). A kind is the narrowest category.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from training.dataset import Ints, Items, Pairs
from training.mmsc.places import NOTHING, Neighbours


@dataclass(frozen=True, slots=True)
class Kinds:
    """``codes`` (N,) number each item's kind, the last of K being items of none; ``follow`` (K, K) is how often a kind goes with another."""

    codes: Ints
    follow: sparse.csr_matrix

    def seat(self, found: Neighbours, src: Ints, k: int) -> Neighbours:
        """Return ``k`` of the places (B, C), best first, of complements of ``src`` (B,): the kinds in turn, each by its best items.

        A kind's votes are what follows the query's kind among known complements, and its share of the best ``k`` places. Places go out by
        highest averages (D'Hondt): a kind's n-th item stands for votes / n.
        """
        kinds, there = self.codes[found.items], found.scores > NOTHING
        size = self.follow.shape[0]
        rows, top = np.arange(len(src))[:, None], there & (np.cumsum(there, axis=1) <= k)
        own = np.zeros((len(src), size), dtype=np.float32)
        np.add.at(own, (np.broadcast_to(rows, kinds.shape)[top], kinds[top]), 1 / k)
        votes = np.asarray(self.follow[self.codes[src]].toarray()) + own
        nth = np.tril(kinds[:, :, None] == kinds[:, None, :]).sum(-1)
        averages = np.where(there, votes[rows, kinds] / nth, NOTHING)
        order = np.argsort(-averages, axis=1, kind="stable")[:, :k]
        return Neighbours(np.take_along_axis(found.items, order, axis=1), np.take_along_axis(found.scores, order, axis=1))


def learn_kinds(items: Items, pairs: Pairs) -> Kinds:
    """Return the kinds of a catalogue, and what follows what by the weights of its complements; items of no kind follow nothing."""
    named = [path[-1] if path else "" for path in items.categories]
    position = {name: code for code, name in enumerate(sorted({name for name in named if name}))}
    codes = np.array([position.get(name, len(position)) for name in named], dtype=np.int64)
    edges, size = pairs.of_type("complement"), len(position) + 1
    ends = codes[edges.src], codes[edges.dst]
    known = (ends[0] < len(position)) & (ends[1] < len(position))
    met = sparse.csr_matrix((edges.weights[known], (ends[0][known], ends[1][known])), (size, size), dtype=np.float32)
    scale = sparse.diags(1 / np.maximum(1e-9, np.asarray(met.sum(1)).ravel()))
    return Kinds(codes, sparse.csr_matrix(scale @ met))
