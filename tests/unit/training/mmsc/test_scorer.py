"""A score and the pair's own edge: two reasons that multiply the odds."""

import numpy as np
import pytest

from training.mmsc.scorer import EDGE_ODDS, with_edges

SCORES = np.array([[0.0, 0.1, 0.5, 0.9, 1.0]], dtype=np.float32)


def test_no_edge_leaves_the_score_as_it_is() -> None:
    assert with_edges(SCORES, np.zeros_like(SCORES)) == pytest.approx(SCORES)


def test_an_edge_of_even_chances_multiplies_the_odds_by_one_more_than_its_own() -> None:
    found = with_edges(np.array([[0.5]], dtype=np.float32), np.array([[0.5]], dtype=np.float32))
    assert found / (1 - found) == pytest.approx(1 + EDGE_ODDS)


def test_a_heavier_edge_scores_higher_and_no_score_leaves_its_bounds() -> None:
    found = np.stack([with_edges(SCORES, np.full_like(SCORES, weight)) for weight in (0.0, 0.2, 0.7, 1.0)])
    assert (np.diff(found[:, 0, 1:-1], axis=0) > 0).all()
    assert found.min() >= 0
    assert found.max() <= 1
