"""Training pairs as matrices."""

import numpy as np

from tests.unit.training.evaluation.small_worlds import make_pairs, make_set
from training.evaluation.graph import adjacency, counted, degrees, item_degrees, undirected, without


def test_a_pair_that_two_relations_hold_counts_once_with_the_larger_weight() -> None:
    matrix = adjacency(np.array([0, 0]), np.array([1, 1]), np.array([2, 5], np.float32), 2)
    assert matrix.toarray().tolist() == [[0, 5], [0, 0]]


def test_counts_stay_directed_and_of_their_type() -> None:
    pairs = make_pairs([(0, 1, "complement"), (2, 0, "substitute")], counts=[4, 9])
    assert counted(pairs, "complement", 3).toarray().tolist() == [[0, 4, 0], [0, 0, 0], [0, 0, 0]]


def test_the_undirected_graph_joins_both_ends_once() -> None:
    matrix = undirected(adjacency(np.array([0, 1, 1]), np.array([1, 0, 2]), np.array([3, 4, 5], np.float32), 3))
    assert matrix.toarray().tolist() == [[0, 1, 0], [1, 0, 1], [0, 1, 0]]
    assert degrees(matrix).tolist() == [1, 2, 1]


def test_a_tested_pair_goes_out_of_both_relations_and_both_directions() -> None:
    pairs = make_pairs([(0, 1, "complement"), (1, 0, "substitute"), (1, 2, "complement")])
    left = without(pairs, np.array([0]), np.array([1]), 3)
    assert list(zip(left.src, left.dst, strict=True)) == [(1, 2)]


def test_item_degrees_count_either_end() -> None:
    training = make_set(4, [(0, 1, "complement"), (1, 2, "substitute")])
    assert item_degrees(training.pairs, training.items).tolist() == [1, 2, 1, 0]
