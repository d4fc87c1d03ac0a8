"""Similarities against their definitions."""

import math

import numpy as np
import pytest
import scipy.sparse as sp

from tests.unit.training.evaluation.small_worlds import make_set, random_edges
from training.evaluation.baselines.simple import adamic_adar
from training.evaluation.ranker import RelationRanker
from training.evaluation.similarity import Constant, DenseDot, Edges, Mix, Noise, SparseDot


def naive_adamic_adar(neighbours: dict[int, set[int]], a: int, b: int) -> float:
    return sum(1 / math.log(len(neighbours[z]) + 2) for z in neighbours[a] & neighbours[b])


def test_adamic_adar_equals_the_naive_formula() -> None:
    edges = random_edges(25, 0.2, "complement", seed=4)
    neighbours = {a: {y for x, y, _ in edges if x == a} for a in range(25)}
    rows = adamic_adar(make_set(25, edges), "complement").rows(np.arange(25))
    expected = [[naive_adamic_adar(neighbours, a, b) for b in range(25)] for a in range(25)]
    assert rows == pytest.approx(np.array(expected), abs=1e-5)


def test_adamic_adar_of_one_relation_ignores_the_other() -> None:
    edges = random_edges(15, 0.3, "substitute", seed=5)
    assert not adamic_adar(make_set(15, edges), "complement").rows(np.arange(15)).any()


def test_sparse_and_dense_dot_products_agree() -> None:
    features = np.random.default_rng(0).random((6, 4)).astype(np.float32)
    src = np.array([2, 5])
    assert SparseDot.of(sp.csr_matrix(features)).rows(src) == pytest.approx(DenseDot(features, features).rows(src), abs=1e-6)


def test_edges_are_read_in_their_direction() -> None:
    edges = Edges(sp.csr_matrix(np.array([[0, 3], [0, 0]], dtype=np.float32)))
    assert edges.rows(np.array([0, 1])).tolist() == [[0, 3], [0, 0]]


def test_noise_is_repeatable_and_differs_by_query() -> None:
    first, again, other = (Noise(50).rows(np.array([k]))[0] for k in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


def test_a_mix_is_the_weighted_sum() -> None:
    one, two = Constant(np.array([1, 2], np.float32)), Constant(np.array([10, 20], np.float32))
    assert Mix(((one, 0.5), (two, 2.0))).rows(np.array([0]))[0].tolist() == [20.5, 41.0]


def test_a_ranker_looks_up_the_similarity_of_the_type_that_is_asked() -> None:
    ranker = RelationRanker("x", Constant(np.array([1, 2, 3], np.float32)), Constant(np.array([7, 8, 9], np.float32)))
    candidates = np.array([[2, 0]])
    assert ranker.score("substitute", np.array([1]), candidates).tolist() == [[3, 1]]
    assert ranker.score("complement", np.array([1]), candidates).tolist() == [[9, 7]]


def test_a_bundle_is_scored_by_the_mean_over_its_items() -> None:
    features = np.eye(3, dtype=np.float32)
    similarity = DenseDot(features, features)
    assert RelationRanker("x", similarity, similarity).for_bundles().score([0, 1]).tolist() == [0.5, 0.5, 0]
