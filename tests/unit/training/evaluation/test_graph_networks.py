"""LightGCN and GraphSAGE as baselines: what they learn from, and that a layer is the one of the paper."""

import numpy as np
import torch
from torch_geometric.nn import SAGEConv

from tests.unit.training.evaluation.small_worlds import Edge, make_set
from training.dataset import TrainingSet
from training.evaluation.baselines.graph_networks import GraphSage, fit_network, graph_networks, read_edges, read_features

SIZE, GROUP = 240, 8


def cliques(kind: str) -> list[Edge]:
    """Groups of eight items; all are neighbours but the first two of each group."""
    groups = [range(start, start + GROUP) for start in range(0, SIZE, GROUP)]
    return [(a, b, kind) for group in groups for a in group for b in group if a != b and {a, b} != {group[0], group[1]}]


def themed() -> TrainingSet:
    """Return groups whose titles name their theme; the last item of each is new: it has no edge."""
    new = set(range(GROUP - 1, SIZE, GROUP))
    edges = [edge for edge in cliques("complement") if not new & {edge[0], edge[1]}]
    return make_set(SIZE, edges, titles=[f"theme{k // GROUP} thing" for k in range(SIZE)])


def first_of(scores: np.ndarray, query: int) -> int:
    scores = scores.copy()
    scores[query] = -np.inf
    return int(scores.argmax())


def test_a_layer_of_graphsage_equals_pygs() -> None:
    edges = torch.tensor([[0, 0, 1, 3], [1, 2, 2, 4]])
    features = torch.randn(6, 5, generator=torch.Generator().manual_seed(0))
    model, theirs = GraphSage(features, edges), SAGEConv(5, 64)
    theirs.lin_l.weight, theirs.lin_r.weight = model.near[0].weight, model.own[0].weight
    theirs.lin_l.bias = model.own[0].bias
    ours = model.own[0](features) + model.near[0](model._mean(features, None))
    assert torch.allclose(ours, theirs(features, torch.cat([edges, edges.flip(0)], dim=1)), atol=1e-6)


def test_what_a_loss_asks_about_sends_no_message() -> None:
    edges = torch.tensor([[0, 0, 1], [1, 2, 2]])
    model = GraphSage(torch.randn(4, 3), edges)
    without = GraphSage(model.features, edges[:, 1:])
    without.load_state_dict(model.state_dict())
    assert torch.allclose(model(edges[:, :1]), without(), atol=1e-6)


def test_both_find_the_edge_that_a_clique_lacks() -> None:
    training = make_set(SIZE, cliques("substitute"))
    for ranker in graph_networks(training, seed=0):
        scores = ranker.substitute.rows(np.array([0]))[0]
        assert scores[1] > np.quantile(np.delete(scores, range(GROUP)), 0.95), ranker.name


def test_only_graphsage_knows_an_item_without_edges() -> None:
    training = themed()
    edges, features = read_edges(training, "complement"), read_features(training, 0)
    by_edges, by_content = (fit_network(name, edges, features, seed=0) for name in ("lightgcn", "graphsage"))
    new = range(GROUP - 1, SIZE, GROUP)
    assert not by_edges[list(new)].any()
    found = [first_of(by_content @ by_content[item], item) // GROUP == item // GROUP for item in new]
    assert np.mean(found) > 0.3, "by chance it were one of thirty"


def test_a_type_without_edges_ranks_all_alike() -> None:
    for ranker in graph_networks(make_set(SIZE, cliques("complement")), seed=0):
        assert not ranker.substitute.rows(np.array([3])).any()
