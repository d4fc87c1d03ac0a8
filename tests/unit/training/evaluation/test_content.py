"""What items say of themselves."""

import numpy as np
import pytest

from tests.unit.training.evaluation.small_worlds import make_items, make_pairs
from training.dataset import TrainingSet, log_prices
from training.evaluation.baselines.content import content, indicators
from training.evaluation.baselines.simple import simple_baselines
from training.words import tfidf, title_words


def test_tfidf_rows_have_length_one_and_share_words() -> None:
    words = tfidf(["red ball", "red ball", "green pan"])
    assert words is not None
    assert (words @ words.T).toarray() == pytest.approx(np.array([[1, 1, 0], [1, 1, 0], [0, 0, 1]]), abs=1e-6)


def test_without_a_word_there_is_no_tfidf() -> None:
    assert tfidf(["", " "]) is None
    assert title_words(make_items([None, None])) is None


def test_indicators_are_cosines_of_sets() -> None:
    rows = indicators([["a", "b"], ["a"], []])
    assert (rows @ rows.T).toarray() == pytest.approx(np.array([[1, 1 / np.sqrt(2), 0], [1 / np.sqrt(2), 1, 0], [0, 0, 0]]), abs=1e-6)


def test_content_without_titles_is_brand_and_category() -> None:
    items = make_items([None] * 3, brands=["x", "x", "y"], categories=[("c",), ("c",), ("d",)])
    assert content(items).rows(np.array([0]))[0] == pytest.approx([1, 1, 0], abs=1e-6)


def test_content_with_titles_is_half_words() -> None:
    items = make_items(["ball", "pan"], brands=["x", "x"])
    assert content(items).rows(np.array([0]))[0] == pytest.approx([1, 0.5], abs=1e-6)


def test_a_price_that_is_unknown_or_nothing_stays_unknown() -> None:
    assert np.isnan(log_prices(np.array([np.nan, 0, -1], np.float32))).all()


def test_a_source_without_words_or_pairs_has_only_the_baselines_it_allows() -> None:
    bare = TrainingSet("evaluation", make_items([None] * 5), make_pairs([]))
    full = TrainingSet("evaluation", make_items(["ball"] * 5), make_pairs([(0, 1, "complement")]))
    assert [ranker.name for ranker in simple_baselines(bare)] == ["random", "content"]
    assert {"tfidf", "tfidf-text", "popularity", "co-counts", "adamic-adar", "adamic-adar+content"} < {r.name for r in simple_baselines(full)}
