"""LightGCN over a sparse graph, and the negatives that it learns from."""

from pathlib import Path

import numpy as np
import torch
from torch_geometric.nn import LGConv

from training.negatives import EdgeSet, draw_negatives
from training.pruning.lightgcn import Propagate, PruningTask, normalised_adjacency, score_pairs
from training.trainer.loop import TrainerConfig, fit


def two_cliques(noise: int = 12) -> tuple[np.ndarray, np.ndarray, int]:
    """Return edges of two cliques of 15, then ``noise`` edges across."""
    a, b = np.triu_indices(15, 1)
    rng = np.random.default_rng(0)
    src = np.concatenate([a, a + 15, rng.integers(15, size=noise)])
    dst = np.concatenate([b, b + 15, 15 + rng.integers(15, size=noise)])
    return src, dst, noise


def test_edges_across_two_communities_score_lowest(tmp_path: Path) -> None:
    src, dst, noise = two_cliques()
    torch.manual_seed(0)
    task = PruningTask(src, dst, 30, dim=16, layers=2, batch=64)
    curve = fit(task, TrainerConfig(epochs=15, lr=0.02, device="cpu"), tmp_path)
    scores = score_pairs(task.model, src, dst)
    assert curve[-1]["bpr_loss"] < curve[0]["bpr_loss"]
    assert np.median(scores[-noise:]) < np.quantile(scores[:-noise], 0.05)


def test_the_adjacency_is_symmetric_sparse_and_normalised_by_both_degrees() -> None:
    dense = normalised_adjacency(torch.tensor([[0, 0], [1, 2]]), 4).to_dense()
    assert torch.equal(dense, dense.T)
    assert torch.isclose(dense[0, 1], torch.tensor(2.0).rsqrt())
    assert dense[3].sum() == 0


def test_a_layer_and_its_gradient_equal_pygs() -> None:
    src, dst, _ = two_cliques()
    adjacency = normalised_adjacency(torch.from_numpy(np.stack([src, dst])), 30)
    x = torch.randn(2, 30, 8, generator=torch.Generator().manual_seed(0))
    ours, theirs = (part.clone().requires_grad_() for part in (x[0], x[0]))
    (Propagate.apply(ours, adjacency) * x[1]).sum().backward()
    (LGConv(normalize=False)(theirs, adjacency) * x[1]).sum().backward()
    assert ours.grad is not None
    assert theirs.grad is not None
    assert torch.allclose(ours.grad, theirs.grad, atol=1e-6)
    assert torch.allclose(Propagate.apply(x[0], adjacency), LGConv(normalize=False)(x[0], adjacency), atol=1e-6)


def test_an_edge_given_in_both_directions_or_twice_counts_once() -> None:
    once = PruningTask(np.array([0, 1]), np.array([1, 2]), 3, dim=4, layers=1, batch=2)
    twice = PruningTask(np.array([0, 1, 1]), np.array([1, 0, 2]), 3, dim=4, layers=1, batch=2)
    assert torch.equal(once.edges, twice.edges)


def test_layers_are_normalised_before_the_mean_so_no_score_exceeds_one() -> None:
    src, dst, _ = two_cliques()
    scores = score_pairs(PruningTask(src, dst, 30, dim=8, layers=3, batch=64).model, src, dst)
    assert np.abs(scores).max() <= 1 + 1e-5


def test_negatives_are_neither_the_item_nor_its_neighbours() -> None:
    src, dst, _ = two_cliques(0)
    known = EdgeSet(torch.from_numpy(src), torch.from_numpy(dst), 40)
    asked = torch.from_numpy(np.repeat(np.arange(30), 50))
    drawn = draw_negatives(asked, known, torch.Generator().manual_seed(0))
    assert not known.contains(asked, drawn).any()
    assert not (asked == drawn).any()
    assert len(set(drawn.tolist())) == 40


def test_an_edge_set_answers_in_the_shape_that_was_asked_and_knows_direction() -> None:
    known = EdgeSet(torch.tensor([0]), torch.tensor([2]), 3, undirected=False)
    assert known.contains(torch.tensor([[0], [2]]), torch.tensor([[0, 2]])).tolist() == [[False, True], [False, False]]
    assert not EdgeSet(torch.tensor([]), torch.tensor([]), 3).contains(torch.tensor([1]), torch.tensor([2])).any()


def test_a_node_joined_to_all_others_does_not_hang() -> None:
    known = EdgeSet(torch.zeros(4), torch.tensor([1, 2, 3, 4]), 5)
    assert len(draw_negatives(torch.zeros(3, dtype=torch.long), known, torch.Generator())) == 3


def test_negatives_may_be_drawn_as_often_as_they_have_edges() -> None:
    star = PruningTask(np.zeros(9, np.int64), np.arange(1, 10), 40, dim=4, layers=1, batch=9, negatives=4, by_degree=True)
    plan = next(star.plans(torch.Generator().manual_seed(0)))
    assert plan.shape == (6, 9)
    assert plan[2:].max() < 10  # the other 30 have no edge


def test_the_loss_is_the_mean_over_all_negatives() -> None:
    task = PruningTask(np.array([0, 1]), np.array([1, 2]), 6, dim=4, layers=1, batch=2, negatives=2)
    batch = torch.tensor([[0, 1], [1, 2], [4, 5], [5, 4]])
    parts = [task.losses(batch[[0, 1, other]])["bpr_loss"] for other in (2, 3)]
    assert torch.isclose(task.losses(batch)["bpr_loss"], torch.stack(parts).mean())
