"""A made graph of a few hundred items, once for all tests."""

import pytest

from benchmarks.mmsc.lesson import Lesson, build_lesson
from training.mmsc.recipe import MmscRecipe

RECIPE = MmscRecipe(width=16, item_width=8, pool=32, batch=256, fanout=4)


@pytest.fixture(scope="session")
def lesson() -> Lesson:
    return build_lesson(400, 12_000, 2, RECIPE)
