"""The graphs that CIRP may be trained on."""

from dataclasses import replace

import numpy as np

from tests.unit.training.cirp.test_neighbours import RING, pairs, training
from training.cirp.edges import MATES, alike_edges, collect_edges, two_hop_edges
from training.dataset import Items


def as_set(edges: np.ndarray) -> set[tuple[int, int]]:
    return {(int(a), int(b)) for a, b in edges}


def kinds(*categories: str, brand: str | None = None) -> Items:
    items = training([], len(categories)).items
    return replace(items, categories=tuple((c,) if c else () for c in categories), brands=(brand,) * len(categories))


def test_several_relations_make_one_graph_with_the_larger_weight_of_an_edge_that_both_have() -> None:
    bought, viewed = pairs([(0, 1), (1, 2)]), pairs([(1, 0), (2, 3)], "co_view")
    joined = type(bought)(*(np.concatenate([getattr(bought, f), getattr(viewed, f)]) for f in bought.__slots__))
    edges, weights = collect_edges(replace(training([], 4), pairs=joined), ("co_purchase", "co_view"), seed=0)
    assert edges.tolist() == [[0, 1], [1, 2], [2, 3]]
    assert np.allclose(weights, [0.1, 1.0, 1.0])


def test_alike_items_share_brand_and_category_and_each_has_few_mates() -> None:
    items = kinds(*["shirt"] * 50, *["sock"] * 50, "")
    edges = alike_edges(items, np.random.default_rng(0))
    assert ((edges < 50).all(axis=1) | ((edges >= 50) & (edges < 100)).all(axis=1)).all()
    assert 100 < len(edges) <= 100 * MATES


def test_items_of_no_category_are_alike_to_nothing() -> None:
    assert len(alike_edges(kinds("", ""), np.random.default_rng(0))) == 0


def test_two_hops_on_a_ring_join_items_two_apart() -> None:
    edges = two_hop_edges(np.array(RING), np.random.default_rng(0))
    assert len(edges) > 90
    assert all((b - a) % 100 in (2, 98) for a, b in as_set(edges))


def test_two_hops_never_repeat_an_edge() -> None:
    triangle = np.array([[0, 1], [1, 2], [0, 2]])
    assert len(two_hop_edges(triangle, np.random.default_rng(0))) == 0


def test_an_unknown_graph_has_no_edges_and_the_same_seed_gives_the_same_graph() -> None:
    data = training(RING, 100)
    assert len(collect_edges(data, ("co_view",), seed=0)[0]) == 0
    one, other = (collect_edges(data, ("two_hop",), seed=7)[0] for _ in range(2))
    assert np.array_equal(one, other)
