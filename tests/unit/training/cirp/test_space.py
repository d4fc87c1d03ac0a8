"""How coherent the common space is, on vectors whose answer is known."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from training.cirp.model import Cirp, build_cirp
from training.cirp.recipe import cirp_small
from training.cirp.space import describe_space

WIDTH = 384


@pytest.fixture(scope="module")
def model() -> Cirp:
    """Return an encoder whose projections are the identity, as far as cosines go."""
    return build_cirp(replace(cirp_small(), dim=WIDTH)).eval()


def vectors(text: torch.Tensor, image: torch.Tensor, feature: torch.Tensor, there: int = 1) -> dict[str, torch.Tensor]:
    has = torch.full((len(text),), there, dtype=torch.uint8)
    return {"text": text, "image": image, "has_text": has, "has_image": has, "feature": feature}


def random(count: int, seed: int) -> torch.Tensor:
    return F.normalize(torch.randn(count, WIDTH, generator=torch.Generator().manual_seed(seed)), dim=1)


def test_pictures_find_texts_that_are_the_same_vector_and_not_random_ones(model: Cirp) -> None:
    x, other = random(200, 0), random(200, 1)
    assert describe_space(model, vectors(x, x, x))["image_text_recall@1"] == 1
    assert describe_space(model, vectors(x, other, x))["image_text_recall@1"] < 0.1


def test_even_features_have_a_full_rank_and_collapsed_ones_a_rank_of_one(model: Cirp) -> None:
    even, one = random(800, 0), random(1, 0).expand(800, -1)
    spread, collapsed = describe_space(model, vectors(even, even, even)), describe_space(model, vectors(even, even, one))
    assert spread["effective_rank"] > WIDTH * 0.8
    assert collapsed["effective_rank"] == pytest.approx(1, abs=0.05)
    assert spread["uniformity"] < -3.9
    assert collapsed["uniformity"] == pytest.approx(0, abs=1e-3)


def test_without_both_modalities_nothing_is_retrieved_and_of_one_item_nothing_is_said(model: Cirp) -> None:
    x = random(10, 0)
    assert "image_text_recall@1" not in describe_space(model, vectors(x, x, x, there=0))
    assert describe_space(model, vectors(x[:1], x[:1], x[:1])) == {}
