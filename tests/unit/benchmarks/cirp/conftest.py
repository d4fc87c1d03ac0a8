"""A synthetic shop of a hundred items, as the bench makes it, once for all tests."""

from dataclasses import replace

import pytest
import torch
from transformers import BlipConfig

from benchmarks.cirp import lesson as lessons
from benchmarks.cirp.lesson import BLIP, SLICES, Lesson, build_lesson
from benchmarks.cirp.shop import Shop, make_shop

TINY = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return make_shop(100, tmp_path_factory.mktemp("bench") / "shop")


def tiny_blip() -> BlipConfig:
    text = {**TINY, "vocab_size": 30_522, "encoder_hidden_size": 16, "bos_token_id": 101, "pad_token_id": 0, "sep_token_id": 102}
    return BlipConfig(text_config=text, vision_config={**TINY, "image_size": 32, "patch_size": 16}, image_text_hidden_size=8)


@pytest.fixture(scope="session", params=SLICES)
def lesson(request: pytest.FixtureRequest, shop: Shop) -> Lesson:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lessons, "blip_base", tiny_blip)
        made = build_lesson(request.param, shop, "float32", torch.device("cpu"))
    if request.param != BLIP:
        return made
    return replace(made, recipe=replace(made.recipe, image_px=32, dim=8, trained_text_layers=1, trained_image_layers=1, batch=32))
