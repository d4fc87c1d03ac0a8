"""CIRP's item graph: held-out edges, the shuffle control, and drawing neighbours."""

from dataclasses import replace

import numpy as np
import torch

from training.cirp.edges import undirected
from training.cirp.neighbours import ItemGraph, NeighbourSampler, build_graph
from training.cirp.recipe import cirp_small
from training.dataset import Items, Pairs, TrainingSet


def pairs(edges: list[tuple[int, int]], relation: str = "co_purchase") -> Pairs:
    src, dst = np.array(edges, dtype=np.int64).reshape(-1, 2).T
    same = len(edges)
    return Pairs(
        src, dst, np.array(["complement"] * same), np.array([relation] * same), np.linspace(0.1, 1, same, dtype=np.float32), np.ones(same, np.int64)
    )


def training(edges: list[tuple[int, int]], count: int, relation: str = "co_purchase") -> TrainingSet:
    none: tuple[None, ...] = (None,) * count
    ids = tuple(f"i{k:03d}" for k in range(count))
    items = Items(ids, none, none, ((),) * count, none, np.full(count, np.nan, np.float32), none, none)
    return TrainingSet("full", items, pairs(edges, relation))


def graph_of(edges: list[tuple[int, int]], count: int, weights: list[float] | None = None) -> ItemGraph:
    """Return a graph whose items are products and categories of their own."""
    each = np.arange(count)
    held = np.empty((0, 2), np.int64)
    return ItemGraph(count, np.array(edges), np.array(weights or [1.0] * len(edges), np.float32), held, categories=each, products=each)


RING = [(i, (i + 1) % 100) for i in range(100)]


def test_both_directions_of_a_pair_are_one_edge_with_the_larger_weight() -> None:
    edges, weights = undirected(pairs([(2, 1), (1, 2), (0, 1)]))
    assert edges.tolist() == [[0, 1], [1, 2]]
    assert weights.tolist() == [1.0, np.float32(0.55)]


def test_held_out_edges_do_not_train() -> None:
    graph = build_graph(training(RING, 100), cirp_small())
    assert len(graph.held) == 5
    assert not ({tuple(e) for e in graph.held.tolist()} & {tuple(e) for e in graph.edges.tolist()})
    assert len(graph.edges) == 95


def test_views_make_no_edge_of_this_graph() -> None:
    assert len(build_graph(training(RING, 100, "co_view"), cirp_small()).edges) == 0


def test_shuffled_neighbours_keep_the_count_and_lose_the_edges() -> None:
    graph = build_graph(training(RING, 100), replace(cirp_small(), shuffle_neighbours=True))
    left = {tuple(e) for e in graph.edges.tolist()} & {tuple(sorted(e)) for e in RING}
    assert len(left) < 10
    assert len(graph.edges) > 85
    assert (graph.edges[:, 0] < graph.edges[:, 1]).all()


def test_only_neighbours_are_drawn_and_lonely_items_draw_none() -> None:
    sampler = NeighbourSampler(
        ItemGraph(5, np.array([[0, 1], [0, 2]]), np.ones(2, np.float32), np.empty((0, 2), np.int64), np.zeros(5, np.int64), np.arange(5)),
        by_weight=False,
    )
    drawn = sampler.draw(torch.tensor([4, 0, 3, 1]), 50, torch.Generator().manual_seed(0))
    assert len(drawn) == 100
    assert set(drawn[:50].tolist()) == {1, 2}
    assert set(drawn[50:].tolist()) == {0}


def test_neighbours_are_drawn_by_weight_where_asked() -> None:
    graph = ItemGraph(
        3, np.array([[0, 1], [0, 2]]), np.array([0.9, 0.1], np.float32), np.empty((0, 2), np.int64), np.zeros(3, np.int64), np.arange(3)
    )
    for by_weight, share in ((True, 0.9), (False, 0.5)):
        drawn = NeighbourSampler(graph, by_weight=by_weight).draw(torch.zeros(1, dtype=torch.long), 2000, torch.Generator().manual_seed(0))
        assert abs((drawn == 1).float().mean().item() - share) < 0.05


def test_a_graph_without_edges_draws_nothing() -> None:
    graph = build_graph(training([], 3), cirp_small())
    assert len(NeighbourSampler(graph, by_weight=False).draw(torch.arange(3), 2, torch.Generator())) == 0


def test_the_known_edges_say_their_weights_in_both_directions_and_0_of_what_is_none() -> None:
    graph = ItemGraph(
        3, np.array([[0, 2], [0, 1]]), np.array([0.9, 0.1], np.float32), np.empty((0, 2), np.int64), np.zeros(3, np.int64), np.arange(3)
    )
    src, dst = torch.tensor([0, 2, 1, 1]), torch.tensor([2, 0, 0, 2])
    assert torch.allclose(graph.known(weighted=True).weights_of(src, dst), torch.tensor([0.9, 0.9, 0.1, 0.0]))
    assert graph.known().weights_of(src, dst).tolist() == [1.0, 1.0, 1.0, 0.0]


def test_variants_of_a_product_are_no_neighbours_where_the_recipe_parts_them() -> None:
    data = training([(0, 1), (1, 2)], 3)
    shirts = replace(data, items=replace(data.items, variant_of=("shirt", "shirt", None)))
    apart, together = (build_graph(shirts, replace(cirp_small(), part_variants=parted)) for parted in (True, False))
    assert apart.edges.tolist() == [[1, 2]]
    assert apart.products[0] == apart.products[1] != apart.products[2]
    assert together.edges.tolist() == [[0, 1], [1, 2]]
    assert len(set(together.products.tolist())) == 3


def test_items_with_an_edge_that_trains_are_joined() -> None:
    assert graph_of([(0, 2)], 4).joined.tolist() == [True, False, True, False]
