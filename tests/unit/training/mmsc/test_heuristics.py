"""Counting features, and which pairs stay hidden."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.training.mmsc.tiny import pairs_of
from training.dataset import Items
from training.mmsc.heuristics import NAMES, PairFeatures

Edges = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7), st.sampled_from("sc")).filter(lambda e: e[0] != e[1]), max_size=25)


def items(count: int = 8) -> Items:
    none = (None,) * count
    categories = tuple(("a", "b") if i % 2 else ("a", "c") for i in range(count))
    return Items(tuple(map(str, range(count))), none, ("x", "y", *none[2:]), categories, none, np.full(count, 2.0, np.float32), none, none)


def column(edges: list[tuple[int, int, str]], kind: str, name: str) -> np.ndarray:
    everyone = np.arange(8)
    return PairFeatures(items(), pairs_of(*edges)).rows(kind, everyone, np.tile(everyone, (8, 1)))[..., NAMES.index(name)]


@settings(max_examples=40, deadline=None)
@given(edges=Edges)
def test_adamic_adar_equals_the_naive_formula(edges: list[tuple[int, int, str]]) -> None:
    joined = {frozenset((a, b)) for a, b, k in edges if k == "s"}
    around = {i: {next(iter(e - {i})) for e in joined if i in e} for i in range(8)}
    naive = [[sum(1 / math.log(len(around[k]) + 2) for k in around[i] & around[j]) for j in range(8)] for i in range(8)]
    assert column(edges, "substitute", "own_own") == pytest.approx(np.array(naive), abs=1e-5)


@settings(max_examples=40, deadline=None)
@given(edges=Edges)
def test_features_of_substitutes_are_the_same_both_ways(edges: list[tuple[int, int, str]]) -> None:
    everyone = np.arange(8)
    found = PairFeatures(items(), pairs_of(*edges)).rows("substitute", everyone, np.tile(everyone, (8, 1)))
    assert np.allclose(found, found.transpose(1, 0, 2), atol=1e-5)


def test_a_complement_of_a_substitute_counts_in_its_own_direction_only() -> None:
    found = column([(0, 1, "s"), (1, 0, "s"), (1, 2, "c")], "complement", "other_own")
    assert found[0, 2] > 0
    assert found[2, 0] == 0


def test_a_query_shown_as_cold_has_no_edges_and_keeps_its_attributes() -> None:
    features = PairFeatures(items(), pairs_of((0, 1, "s"), (1, 0, "s"), (1, 2, "s"), (2, 1, "s")))
    src, candidates = np.array([0]), np.array([[2, 3]])
    cold = features.rows("substitute", src, candidates, np.array([True]))[0]
    assert features.rows("substitute", src, candidates)[0, 0, NAMES.index("own_own")] > 0
    assert cold[:, NAMES.index("own_own")].tolist() == [0.0, 0.0]
    assert cold[:, NAMES.index("category")].tolist() == pytest.approx([1.0, 0.5])


def test_switches_leave_the_graph_or_the_attributes_out() -> None:
    pairs, src, candidates = pairs_of((0, 1, "s"), (1, 2, "s"), (1, 0, "s"), (2, 1, "s")), np.array([0]), np.array([[2]])
    blind = PairFeatures(items(), pairs, behaviour=False).rows("substitute", src, candidates)[0, 0]
    plain = PairFeatures(items(), pairs, attributes=False).rows("substitute", src, candidates)[0, 0]
    assert blind[: NAMES.index("category")].tolist() == [0.0] * NAMES.index("category")
    assert plain[NAMES.index("category") :].tolist() == [0.0] * 3
    assert plain[NAMES.index("own_own")] > 0


def test_the_graph_brings_known_edges_first_and_fills_up_with_the_query() -> None:
    features = PairFeatures(items(), pairs_of((0, 1, "s"), (1, 0, "s"), (1, 2, "s"), (2, 1, "s")))
    assert set(features.nearest("substitute", np.array([0]), 4)[0].tolist()) == {0, 1, 2}
