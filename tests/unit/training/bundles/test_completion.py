"""The features that are learned from and served: each as its name says, by a slower way."""

from pathlib import Path

import numpy as np
import pytest

from model_repository import completion
from model_repository.completion import SET, Found, order_items
from tests.unit.training.bundles.worlds import QUICK, baskets, shop, vectors
from training.bundles.knowledge import Content, Knowledge, learn, pairs_within, product_numbers, read_content
from training.words import title_words

GIVEN = np.array([0, 17, 40])


@pytest.fixture(scope="module")
def content() -> Content:
    return read_content(shop(), vectors(shop()), QUICK)


@pytest.fixture(scope="module")
def knowledge(content: Content, tmp_path_factory: pytest.TempPathFactory) -> Knowledge:
    return learn(baskets(80), content, QUICK, tmp_path_factory.mktemp("set"), "set encoder")


@pytest.fixture(scope="module")
def found(knowledge: Knowledge) -> Found:
    return knowledge.completion().find(GIVEN, knowledge.query(GIVEN))


def column(knowledge: Knowledge, found: Found, name: str) -> np.ndarray:
    return found.features[:, knowledge.settings.columns.index(name)]


def test_every_column_has_a_name_and_no_given_item_is_a_candidate(knowledge: Knowledge, found: Found) -> None:
    assert found.features.shape == (len(found.items), len(knowledge.settings.columns))
    assert len(set(knowledge.settings.columns)) == len(knowledge.settings.columns)
    assert not set(found.items.tolist()) & set(GIVEN.tolist())
    assert np.isfinite(found.features).all()


def test_words_and_vectors_are_compared_item_by_item(knowledge: Knowledge, content: Content, found: Found) -> None:
    words = title_words(shop())
    assert words is not None
    near = {"title": (words[GIVEN] @ words.T).toarray(), "text": content.dense["text"][GIVEN] @ content.dense["text"].T}
    for name, rows in near.items():
        rows = rows[:, found.items]
        for how, wanted in (("mean", rows.mean(0)), ("max", rows.max(0)), ("min", rows.min(0))):
            assert np.allclose(column(knowledge, found, f"{name} {how}"), wanted, atol=1e-5)
    assert np.allclose(column(knowledge, found, SET), knowledge.arrays["set_target"][found.items] @ knowledge.query(GIVEN), atol=1e-5)


def test_meetings_are_counted_and_variants_and_facets_told(knowledge: Knowledge, content: Content, found: Found) -> None:
    met = np.zeros((80, 80))
    np.add.at(met, pairs_within(baskets(80).members), 1)
    assert np.allclose(column(knowledge, found, "met mean"), np.log1p(met[np.ix_(GIVEN, found.items)]).mean(0), atol=1e-5)
    siblings = [np.mean([item // 2 == given // 2 for given in GIVEN]) for item in found.items]
    assert np.allclose(column(knowledge, found, "variant"), siblings)
    colours = [of["colour"] for of in shop().attributes]
    same = [np.mean([colours[item] == colours[given] for given in GIVEN]) for item in found.items]
    assert np.allclose(column(knowledge, found, "colour same"), same)
    fit, some = column(knowledge, found, "colour fit mean"), np.array(same) > 0
    assert fit[some].mean() > fit[~some].max()


def test_the_best_of_a_channel_has_its_first_place(knowledge: Knowledge, found: Found) -> None:
    best = int(np.argmax(column(knowledge, found, SET)))
    assert column(knowledge, found, f"{SET} rank")[best] == 0


def test_prices_that_nobody_knows_and_numbers_are_places(knowledge: Knowledge, found: Found) -> None:
    assert not column(knowledge, found, "price known").any()
    assert column(knowledge, found, "number known").all()
    numbers = product_numbers(shop())
    apart = np.abs(numbers[found.items][None] - numbers[GIVEN][:, None]).min(0)
    assert np.allclose(column(knowledge, found, "number apart"), apart, atol=1e-4)


def test_candidates_stand_above_all_others_in_the_order_that_trees_say() -> None:
    found = Found(np.array([1, 3]), np.zeros((2, 1), np.float32), np.array([5.0, 1.0, 4.0, 2.0], np.float32))
    assert np.argsort(-order_items(found, np.array([0.1, 0.2], np.float32))).tolist() == [3, 1, 0, 2]
    assert order_items(found, None) is found.others


def test_what_is_remembered_of_items_is_bounded_and_changes_no_answer(knowledge: Knowledge, found: Found, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completion, "REMEMBERED_BYTES", 1)
    small = knowledge.completion()
    for _ in range(2):
        again = small.find(GIVEN, knowledge.query(GIVEN))
        assert np.array_equal(again.features, found.features)
        assert len(small.remembered) == 1


def test_a_query_is_the_same_whatever_the_order_of_the_given_items(knowledge: Knowledge) -> None:
    assert np.allclose(knowledge.query(GIVEN), knowledge.query(GIVEN[::-1].copy()), atol=1e-6)


def test_learning_again_gives_the_same_bits(content: Content, knowledge: Knowledge, tmp_path: Path) -> None:
    again = learn(baskets(80), content, QUICK, tmp_path, "set encoder")
    assert all(np.array_equal(again.arrays[name], array, equal_nan=True) for name, array in knowledge.arrays.items())
