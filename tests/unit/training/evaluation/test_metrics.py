"""Ranks and metrics, counted by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.evaluation.metrics import BUNDLE_METRICS, RELATION_METRICS, gains, hits, mean_rank, mean_ranks, reciprocals


def test_the_best_score_has_rank_zero_and_the_worst_the_last() -> None:
    scores = np.array([0.1, 0.9, 0.5], dtype=np.float32)
    assert [mean_rank(scores, k) for k in range(3)] == [2, 0, 1]


def test_equal_scores_share_the_mean_of_the_places_they_take() -> None:
    scores = np.array([1, 1, 1, 0], dtype=np.float32)
    assert mean_rank(scores, 0) == mean_rank(scores, 2) == 1
    assert mean_rank(scores, 3) == 3


def test_a_constant_scorer_is_put_in_the_middle_not_at_the_top() -> None:
    assert mean_rank(np.zeros(101, dtype=np.float32), 7) == 50


def test_masked_items_take_no_place() -> None:
    scores = np.array([-np.inf, 3, 2, -np.inf], dtype=np.float32)
    assert mean_rank(scores, 2) == 1


def test_ranks_of_a_block_count_valid_candidates_only() -> None:
    scores = np.array([[1, 2, 2, 1], [5, 1, 9, 5]], dtype=np.float32)
    valid = np.array([[True, True, False, True], [True, True, True, True]])
    assert mean_ranks(scores, valid).tolist() == [1.5, 1.5]


def test_recall_ndcg_and_mrr_are_what_a_hand_counts() -> None:
    ranks = np.array([0.0, 1.0, 9.0, 10.0])
    assert hits(ranks, 10).tolist() == [1, 1, 1, 0]
    assert gains(ranks, 10) == pytest.approx([1, 1 / np.log2(3), 1 / np.log2(11), 0])
    assert reciprocals(ranks, 10) == pytest.approx([1, 1 / 2, 1 / 10, 0])


def test_ndcg_equals_torch_geometrics() -> None:
    torch = pytest.importorskip("torch")
    from torch_geometric.metrics import LinkPredNDCG

    rank = 3
    theirs = LinkPredNDCG(k=10)
    theirs.update(torch.arange(10)[None, :], torch.tensor([[0], [rank]]))
    assert gains(np.array([float(rank)]), 10)[0] == pytest.approx(float(theirs.compute()), abs=1e-6)


@given(st.lists(st.integers(0, 4), min_size=2, max_size=30))
def test_the_ranks_of_all_items_sum_up_as_if_there_were_no_ties(values: list[int]) -> None:
    scores = np.array(values, dtype=np.float32)
    assert sum(mean_rank(scores, k) for k in range(len(values))) == pytest.approx(len(values) * (len(values) - 1) / 2)


@given(st.lists(st.floats(-5, 5, width=32), min_size=2, max_size=20))
def test_one_row_and_one_list_rank_alike(values: list[float]) -> None:
    scores = np.array(values, dtype=np.float32)
    assert mean_ranks(scores[None, :], np.ones((1, len(values)), dtype=bool))[0] == mean_rank(scores, 0)


def test_a_first_place_is_one_in_every_metric() -> None:
    first = np.array([0.0])
    assert {name: metric(first)[0] for name, metric in {**BUNDLE_METRICS, **RELATION_METRICS}.items()} == dict.fromkeys(
        [*BUNDLE_METRICS, *RELATION_METRICS], 1.0
    )
