"""A synthetic shop of a hundred items, as the bench makes it, once for all tests."""

import pytest
import torch

from benchmarks.cirp.lesson import Lesson, build_lesson
from benchmarks.cirp.shop import Shop, make_shop


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return make_shop(100, tmp_path_factory.mktemp("bench") / "shop")


@pytest.fixture(scope="session", params=["frozen_text", "last_layer_learns"])
def lesson(request: pytest.FixtureRequest, shop: Shop) -> Lesson:
    return build_lesson(request.param, shop, "float32", torch.device("cpu"))
