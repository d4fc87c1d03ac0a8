"""Which edges make CIRP's item graph: relations that were counted or declared, and two graphs that are made from items and edges themselves."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from training.dataset import BOUGHT_TOGETHER, Floats, Ints, Items, Pairs, TrainingSet

ALIKE, TWO_HOP = "alike", "two_hop"
MATES = 3
"""Items of one brand and category that each item is joined to."""
WALKS = 5
"""Random walks of two steps from each item."""


def collect_edges(training: TrainingSet, relations: Sequence[str], seed: int) -> tuple[Ints, Floats]:
    """Return the union of the named graphs: each edge once (E, 2), smaller position first, and its largest weight (E,).

    ``alike`` joins items of one brand and category, ``two_hop`` items that a third one was bought with; both weigh 1. Edges grow with
    items, whatever the size of a category or the degree of a third item.
    """
    rng = np.random.default_rng(seed)
    found = [undirected(training.pairs.of_relations(relations))]
    if ALIKE in relations:
        found.append(_weigh_one(alike_edges(training.items, rng)))
    if TWO_HOP in relations:
        found.append(_weigh_one(two_hop_edges(undirected(training.pairs.of_relations(BOUGHT_TOGETHER))[0], rng)))
    edges, weights = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return _once(edges, weights)


def undirected(pairs: Pairs) -> tuple[Ints, Floats]:
    """Return each edge once (E, 2), smaller position first, with the largest weight that any of its pairs has."""
    return _once(np.stack([pairs.src, pairs.dst], axis=1), pairs.weights)


def _once(ends: Ints, weights: Floats) -> tuple[Ints, Floats]:
    edges, inverse = np.unique(np.sort(ends, axis=1), axis=0, return_inverse=True)
    largest = np.zeros(len(edges), dtype=np.float32)
    np.maximum.at(largest, inverse.ravel(), weights)
    return edges, largest


def _weigh_one(edges: Ints) -> tuple[Ints, Floats]:
    return edges, np.ones(len(edges), dtype=np.float32)


def alike_edges(items: Items, rng: np.random.Generator) -> Ints:
    """Return each item beside ``MATES`` random others of its brand and whole category (E, 2); items without a category have none."""
    groups: dict[tuple[str | None, tuple[str, ...]], list[int]] = defaultdict(list)
    for item, (brand, path) in enumerate(zip(items.brands, items.categories, strict=True)):
        if path:
            groups[brand, path].append(item)
    drawn = [_mates(np.array(group, dtype=np.int64), rng) for group in groups.values()]
    edges = np.concatenate([np.empty((0, 2), np.int64), *drawn])
    apart: Ints = edges[edges[:, 0] != edges[:, 1]]
    return apart


def _mates(group: Ints, rng: np.random.Generator) -> Ints:
    return np.stack([np.repeat(group, MATES), group[rng.integers(len(group), size=len(group) * MATES)]], axis=1)


def two_hop_edges(edges: Ints, rng: np.random.Generator) -> Ints:
    """Return the ends of random walks of two steps over ``edges`` (E, 2) that end neither where they began nor at a neighbour."""
    if not len(edges):
        return edges
    both = np.concatenate([edges, edges[:, ::-1]])
    src, dst = both[np.argsort(both[:, 0], kind="stable")].T
    start = np.searchsorted(src, np.arange(src.max() + 2))
    begin = np.repeat(np.unique(src), WALKS)
    walks = np.stack([begin, _step(_step(begin, start, dst, rng), start, dst, rng)], axis=1)
    walks = np.unique(np.sort(walks[walks[:, 0] != walks[:, 1]], axis=1), axis=0)
    size = int(src.max()) + 1
    new: Ints = walks[~np.isin(walks[:, 0] * size + walks[:, 1], edges[:, 0] * size + edges[:, 1])]
    return new


def _step(at: Ints, start: Ints, dst: Ints, rng: np.random.Generator) -> Ints:
    degree = start[at + 1] - start[at]
    end: Ints = dst[start[at] + (rng.random(len(at)) * degree).astype(np.int64)]
    return end
