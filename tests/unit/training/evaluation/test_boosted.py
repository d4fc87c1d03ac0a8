"""Boosted baselines: what they are fitted on, and that they learn."""

import numpy as np
import pytest

from tests.unit.training.evaluation.small_worlds import Edge, make_items, make_pairs, make_set, random_edges
from training.bundle_cases import leave_one_out
from training.dataset import Pairs, TrainingSet
from training.evaluation.baselines import boosted_relations
from training.evaluation.baselines.boosted_bundles import BundleFeatures, category_affinity, fit_boosted_bundles
from training.evaluation.baselines.boosted_relations import HIDDEN, PairFeatures, fit_boosted_relations, hidden_edges


def cliques(size: int, width: int, kind: str) -> list[Edge]:
    """Return a graph of cliques: who shares neighbours is a neighbour."""
    groups = [range(start, start + width) for start in range(0, size, width)]
    return [(a, b, kind) for group in groups for a in group for b in group if a != b]


def test_hidden_edges_are_training_edges_each_pair_once() -> None:
    training = make_set(60, random_edges(60, 0.2, "complement", seed=0))
    found = hidden_edges(training, "complement", np.random.default_rng(0))
    src, dst = found.src, found.dst
    known = set(zip(training.pairs.src.tolist(), training.pairs.dst.tolist(), strict=True))
    hidden = list(zip(src.tolist(), dst.tolist(), strict=True))
    assert set(hidden) <= known
    assert len({frozenset(pair) for pair in hidden}) == len(hidden) == int(len(known) / 2 * HIDDEN)


def test_the_ranker_is_fitted_on_features_that_do_not_know_the_hidden_edges(monkeypatch: pytest.MonkeyPatch) -> None:
    training = make_set(60, random_edges(60, 0.2, "complement", seed=1))
    seen = []

    class Watched(PairFeatures):
        def __init__(self, training: TrainingSet, kind: str, own: Pairs, other: Pairs) -> None:
            seen.append((own, other))
            super().__init__(training, kind, own, other)

    monkeypatch.setattr(boosted_relations, "PairFeatures", Watched)
    fit_boosted_relations(training, kinds=("complement",), strict=True, seed=0)
    found = hidden_edges(training, "complement", np.random.default_rng(0))
    src, dst = found.src, found.dst
    hidden = {frozenset(pair) for pair in zip(src.tolist(), dst.tolist(), strict=True)}
    own = seen[1][0]
    assert not hidden & {frozenset(pair) for pair in zip(own.src.tolist(), own.dst.tolist(), strict=True)}
    assert seen[1][0] is seen[1][1]


def test_boosted_relations_find_a_missing_edge_of_a_clique() -> None:
    edges = [edge for edge in cliques(120, 8, "complement") if {edge[0], edge[1]} != {0, 1}]
    scorer = fit_boosted_relations(make_set(120, edges), kinds=("complement",), strict=False)
    scores = scorer.score("complement", np.array([0]), np.arange(120)[None, :])[0]
    assert scores[1] > np.median(scores[8:])


def test_there_are_thirteen_features_of_a_pair() -> None:
    training = make_set(12, random_edges(12, 0.3, "complement", seed=2))
    found = PairFeatures(training, "complement", training.pairs, training.pairs).of(np.array([0, 1]), np.array([[2, 3, 4], [5, 6, 7]]))
    assert found.shape == (2, 3, 13)


def test_categories_that_meet_often_have_affinity() -> None:
    items = make_items(["a"] * 4, categories=[("x", "racket"), ("x", "racket"), ("x", "ball"), ("y", "pan")])
    training = TrainingSet("evaluation", items, make_pairs([(0, 2, "complement"), (1, 2, "complement"), (3, 0, "complement")]))
    leaf, affinity = category_affinity(training)
    assert affinity[leaf[0], leaf[2]] > 0 > affinity[leaf[3], leaf[2]]


def test_given_items_are_no_candidates_and_features_speak_of_candidates() -> None:
    training = make_set(40, titles=[f"red ball {k % 4}" for k in range(40)])
    chosen, columns, first = BundleFeatures(training).of([0, 1])
    assert not {0, 1} & set(chosen.tolist())
    assert len(columns) == len(chosen)
    assert len(first) == 40


def test_boosted_bundles_learn_from_validation_bundles() -> None:
    rng = np.random.default_rng(0)
    titles = [f"team{k // 4} piece {rng.integers(1000)}" for k in range(160)]
    units = [[4 * g, 4 * g + 1, 4 * g + 2] for g in range(40)]
    cases = leave_one_out(units, np.full(40, np.datetime64("NaT", "us")), max_cases=1_000, seed=0)
    scorer = fit_boosted_bundles(make_set(160, titles=titles), cases)
    assert scorer is not None
    assert set(np.argsort(-scorer.score([80, 81]))[:4].tolist()) >= {82, 83}


def test_too_few_validation_bundles_fit_nothing() -> None:
    cases = leave_one_out([[0, 1]], np.full(1, np.datetime64("NaT", "us")), max_cases=10, seed=0)
    assert fit_boosted_bundles(make_set(20), cases) is None
