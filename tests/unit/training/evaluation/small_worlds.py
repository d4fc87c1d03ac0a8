"""Training sets of a few items for the tests of evaluation."""

from collections.abc import Sequence

import numpy as np

from training.bundle_cases import leave_one_out
from training.dataset import Items, Pairs, TrainingSet
from training.evaluation.truth import Truth
from training.evaluation.world import World
from training.reserved import Reserved

Edge = tuple[int, int, str]
"""(src, dst, type)."""


def make_items(
    titles: Sequence[str | None],
    *,
    brands: Sequence[str | None] | None = None,
    categories: Sequence[tuple[str, ...]] | None = None,
    variants: Sequence[str | None] | None = None,
    images: Sequence[str | None] | None = None,
    prices: Sequence[float] | None = None,
) -> Items:
    """Return items with ids i00, i01, …; what is not given is missing."""
    n = len(titles)
    nothing: tuple[None, ...] = (None,) * n
    return Items(
        ids=tuple(f"i{k:02d}" for k in range(n)),
        titles=tuple(titles),
        brands=tuple(brands or nothing),
        categories=tuple(categories or ((),) * n),
        descriptions=nothing,
        prices=np.array(prices if prices else [np.nan] * n, dtype=np.float32),
        images=tuple(images or nothing),
        variant_of=tuple(variants or nothing),
    )


def make_pairs(edges: Sequence[Edge], counts: Sequence[int] | None = None) -> Pairs:
    """Return directed pairs; complements come from co_purchase, substitutes from co_view."""
    relation = {"complement": "co_purchase", "substitute": "co_view"}
    return Pairs(
        src=np.array([a for a, _, _ in edges], dtype=np.int64),
        dst=np.array([b for _, b, _ in edges], dtype=np.int64),
        types=np.array([kind for _, _, kind in edges], dtype=np.str_),
        relations=np.array([relation[kind] for _, _, kind in edges], dtype=np.str_),
        weights=np.ones(len(edges), dtype=np.float32),
        counts=np.array(counts or [1] * len(edges), dtype=np.int64),
    )


def make_set(size: int, edges: Sequence[Edge] = (), titles: Sequence[str | None] | None = None) -> TrainingSet:
    """Return a training set of ``size`` items that differ in their titles alone."""
    return TrainingSet("evaluation", make_items(titles or [f"thing {k}" for k in range(size)]), make_pairs(edges))


def random_edges(size: int, share: float, kind: str, seed: int) -> list[Edge]:
    """Return random undirected edges, both directions of each."""
    rng = np.random.default_rng(seed)
    joined = [(a, b) for a in range(size) for b in range(a + 1, size) if rng.random() < share]
    return [edge for a, b in joined for edge in ((a, b, kind), (b, a, kind))]


def make_world(edges: Sequence[Edge], tested: tuple[tuple[str, str, str], ...] = (), size: int = 10, truth: Truth | None = None) -> World:
    """Return a world of ``size`` items in which nothing is held out but the ``tested`` edges (relation, item, item)."""
    training = make_set(size, edges)
    none = leave_one_out([], np.array([], dtype="datetime64[us]"), max_cases=1, seed=0)
    test = Reserved(frozenset(), frozenset(), frozenset(), tested)
    known = np.full(size, np.datetime64(0, "us"))
    return World("tiny", training, training, test, none, "baskets", none, None, known, truth)
