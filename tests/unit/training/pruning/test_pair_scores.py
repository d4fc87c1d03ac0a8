"""Closed-form scores: edges within a community score above those across, and the controls say what they are."""

import numpy as np
import pytest

from tests.unit.training.pruning.test_lightgcn import two_cliques
from training.pruning.pair_scores import degree_scores, random_scores, spectral_scores


def test_edges_across_two_communities_score_lowest() -> None:
    src, dst, noise = two_cliques()
    scores = spectral_scores(src, dst, 30, dim=2, seed=0)
    assert scores.dtype == np.float32
    assert np.abs(scores).max() <= 1 + 1e-6
    assert scores[-noise:].max() < np.quantile(scores[:-noise], 0.05)


def test_the_score_is_the_same_whichever_end_comes_first_and_however_often_a_pair_stands() -> None:
    src, dst, _ = two_cliques()
    once = spectral_scores(src, dst, 30, dim=4, seed=0)
    both = spectral_scores(np.concatenate([src, dst]), np.concatenate([dst, src]), 30, dim=4, seed=0)
    assert both[: len(src)] == pytest.approx(once, abs=1e-4)
    assert both[len(src) :] == pytest.approx(once, abs=1e-4)


def test_a_graph_of_one_pair_and_one_with_fewer_nodes_than_directions_have_scores() -> None:
    assert np.isfinite(spectral_scores(np.array([0]), np.array([1]), 2, dim=64, seed=0)).all()
    src, dst, _ = two_cliques()
    assert np.isfinite(spectral_scores(src, dst, 30, dim=64, seed=0)).all()


def test_a_pair_of_hubs_scores_below_a_pair_of_rare_items() -> None:
    src, dst = np.array([0, 0, 0, 1, 1, 4]), np.array([1, 2, 3, 2, 3, 5])
    scores = degree_scores(src, dst, 6)
    assert scores[0] == min(scores) == pytest.approx(1 / 3)
    assert scores[5] == 1


def test_random_scores_are_their_seeds() -> None:
    assert (random_scores(5, seed=1) == random_scores(5, seed=1)).all()
    assert (random_scores(5, seed=1) != random_scores(5, seed=2)).any()
