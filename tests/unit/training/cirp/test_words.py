"""Word codes: bags of rare words whose cosines are those of TF-IDF, beside a pooled text."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from training.cirp.words import WordCodes

WIDTH, VOCABULARY = 384, 50
FIRST, LAST, PAD = 47, 48, 49
TEXTS = [[1, 2, 3], [1, 2, 4], [1, 5, 6], [1, 7, 8, 9], [1, 2, 3]]


def tokens(texts: list[list[int]]) -> list[np.ndarray[tuple[int], np.dtype[np.int32]]]:
    return [np.array([FIRST, *text, LAST], dtype=np.int32) for text in texts]


def as_ids(texts: list[list[int]], width: int) -> torch.Tensor:
    return torch.tensor([[FIRST, *text, LAST, *[PAD] * (width - len(text))] for text in texts])


@pytest.fixture
def words() -> WordCodes:
    """Return codes that read ``TEXTS``, whose encoder gives the same vector for all."""
    found = WordCodes(VOCABULARY, WIDTH)
    found.fit(tokens(TEXTS), torch.ones(len(TEXTS), WIDTH), (FIRST, LAST, PAD))
    return found


def bags(words: WordCodes, texts: list[list[int]], width: int = 6) -> torch.Tensor:
    """Return the bags alone: of pooled vectors at the centre nothing is left."""
    return F.normalize(words(torch.ones(len(texts), WIDTH), as_ids(texts, width)), dim=1)


def test_cosines_of_bags_are_those_of_words_weighted_by_rarity(words: WordCodes) -> None:
    exact = np.zeros((len(TEXTS), VOCABULARY))
    for row, text in enumerate(TEXTS):
        exact[row, text] = words.weights.numpy()[text]
    exact /= np.linalg.norm(exact, axis=1, keepdims=True)
    found = bags(words, TEXTS).numpy()
    assert np.abs(found @ found.T - exact @ exact.T).max() < 0.2  # noise of 384 random signs: .05
    assert found[0] @ found[4] == pytest.approx(1)


def test_a_word_of_every_text_weighs_least_and_marks_and_unknown_words_nothing(words: WordCodes) -> None:
    weights = words.weights.numpy()
    assert 0 < weights[1] < weights[2] < weights[5]
    assert not weights[[FIRST, LAST, PAD, 10, 46]].any()


def test_padding_changes_nothing(words: WordCodes) -> None:
    assert torch.allclose(bags(words, TEXTS, 6), bags(words, TEXTS, 40), atol=1e-6)


def test_what_all_texts_share_is_taken_off_and_what_differs_stays(words: WordCodes) -> None:
    pooled = torch.ones(2, WIDTH)
    pooled[1, 0] = -50.0
    found = words(pooled, as_ids([[10], [10]], 3))  # no known word
    assert found[0].norm() < 1e-3
    assert found[1].norm() == pytest.approx(1, abs=1e-4)


def test_codes_are_the_same_in_every_model_and_no_step_changes_them() -> None:
    one, other = WordCodes(VOCABULARY, WIDTH), WordCodes(VOCABULARY, WIDTH)
    assert torch.equal(one.codes, other.codes)
    assert set(one.codes.flatten().tolist()) == {-1, 1}
    assert not any(parameter.requires_grad for parameter in one.parameters())
