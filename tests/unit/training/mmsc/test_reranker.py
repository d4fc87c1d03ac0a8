"""The re-ranker: how sure pairs are counts, and the vectors get as much say as the hidden pairs bear."""

import lightgbm
import numpy as np
import pytest

from tests.unit.training.mmsc.tiny import pairs_of
from training.mmsc.lesson import COLUMNS, Examples
from training.mmsc.reranker import LOGITS, Blend, choose_blend, grow, halve, tree_scores


def examples(of_true: dict[str, float], weights: np.ndarray | None = None, size: int = 400, seed: int = 0) -> Examples:
    """Return pairs whose true candidate stands out by ``of_true`` in the named columns, against noise."""
    features = np.random.default_rng(seed).normal(size=(size, 31, len(COLUMNS))).astype(np.float32)
    for name, lead in of_true.items():
        features[:, 0, COLUMNS.index(name)] += lead
    features[..., 0] /= 10
    return Examples(features, np.ones(features.shape[:2], dtype=np.bool_), np.ones(size, np.float32) if weights is None else weights)


def trees(of: Examples) -> lightgbm.Booster:
    return grow(of, np.ones(len(of.weights), dtype=np.bool_), seed=0)


def test_vectors_that_know_nothing_get_little_say() -> None:
    assert choose_blend(trees(examples({"own_own": 4.0})), examples({"own_own": 4.0}, seed=1), 0.0).share <= 0.2


def test_vectors_that_alone_do_as_well_get_most() -> None:
    assert choose_blend(trees(examples({"own_own": 1.0})), examples({"neural": 4.0}, seed=1), 0.0).share >= 0.75


def test_the_vectors_get_more_where_counting_is_known_to_flatter_itself() -> None:
    shown = examples({"own_own": 2.0, "neural": 1.0})
    strict, lenient = (choose_blend(trees(shown), shown, conceded).share for conceded in (0.0, 0.2))
    assert lenient > strict


def test_a_pair_that_weighs_nothing_teaches_nothing() -> None:
    sure = np.arange(400) < 200
    both = examples({"own_own": 4.0})
    both.features[~sure, 0, COLUMNS.index("own_own")] -= 4.0
    both.features[~sure, 0, COLUMNS.index("brand")] += 4.0
    used = trees(Examples(both.features, both.valid, 2.0 * sure.astype(np.float32))).feature_importance("gain")
    assert used[COLUMNS.index("own_own")] > 20 * used[COLUMNS.index("brand")]


def test_both_directions_of_a_pair_stay_in_one_half() -> None:
    ends = [(a, a + 10) for a in range(10)]
    pairs = pairs_of(*[(a, b, "s") for a, b in [*ends, *((b, a) for a, b in ends)]])
    half = halve(pairs, 20, np.random.default_rng(0))
    assert (half[:10] == half[10:]).all()
    assert half.sum() == 10


def test_scores_of_a_blend_are_probabilities_at_even_odds() -> None:
    shown, asked = examples({"own_own": 2.0}), examples({"own_own": 2.0}, seed=1, size=4_000)
    booster = trees(shown)
    blend = choose_blend(booster, asked, 0.0)
    scores = blend.score(tree_scores(booster, asked.features), asked.features[..., 0])
    evenly = np.concatenate([scores[:, 0], scores[:, 1]])
    assert evenly.mean() == pytest.approx(0.5, abs=0.05), "as many true ones as others"
    likely = evenly > 0.5
    assert np.arange(len(evenly))[likely].size
    assert (np.flatnonzero(likely) < len(asked.weights)).mean() == pytest.approx(evenly[likely].mean(), abs=0.05)


def test_one_random_item_in_a_thousand_reaches_the_threshold_and_more_true_ones_the_better_they_stand_out() -> None:
    passing = []
    for lead in (1.0, 4.0):
        asked = examples({"own_own": lead}, seed=1, size=2_000)
        blend = choose_blend(booster := trees(examples({"own_own": lead})), asked, 0.0)
        sure = blend.score(tree_scores(booster, asked.features), asked.features[..., 0]) >= blend.threshold
        assert sure[:, 1:].mean() == pytest.approx(0.001, abs=0.0005)
        passing.append(sure[:, 0].mean())
    assert passing[1] > 3 * passing[0]


def test_a_blend_is_a_probability_between_trees_and_vectors() -> None:
    logits, neural = np.array([[-50.0, 0.0, 3.0]], np.float32), np.array([[1.0, 0.5, -1.0]], np.float32)
    assert Blend().score(logits, neural)[0, 1] == pytest.approx(0.5)
    assert Blend(share=1.0).mix(logits, neural) == pytest.approx(LOGITS * neural)
    scores = Blend(share=0.5, slope=2.0).score(logits, neural)
    assert ((scores >= 0) & (scores <= 1)).all()
