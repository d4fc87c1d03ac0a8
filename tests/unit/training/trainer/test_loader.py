"""Batches come in order, planned and loaded ahead in a thread, and the time for which the model waited is counted."""

import threading
import time
from collections.abc import Iterator

import pytest

from training.trainer.loader import AHEAD, Loader


def test_batches_come_in_the_order_of_their_plans_from_another_thread() -> None:
    found = list(Loader(lambda plan: (plan, threading.current_thread().name)).batches(range(7)))
    assert [plan for plan, _ in found] == list(range(7))
    assert all(name.startswith("loader") for _, name in found)


def test_only_a_few_are_loaded_ahead() -> None:
    planned: list[int] = []

    def plans() -> Iterator[int]:
        for k in range(100):
            planned.append(k)
            yield k

    batches = Loader(lambda plan: plan).batches(plans())
    assert next(batches) == 0
    time.sleep(0.1)
    assert len(planned) == AHEAD + 1, "the one that was asked for, and those ahead"


def test_a_model_that_is_slower_than_loading_waits_for_the_first_batch_alone() -> None:
    loader = Loader(lambda _: time.sleep(0.05))
    for k, _ in enumerate(loader.batches(range(4))):
        if k == 0:
            assert loader.waited_s == pytest.approx(0.05, abs=0.04)
        time.sleep(0.2)
    assert loader.waited_s < 0.15


def test_a_model_that_is_faster_waits_for_each() -> None:
    loader = Loader(lambda _: time.sleep(0.03))
    list(loader.batches(range(6)))
    assert loader.waited_s >= 0.15


def test_what_loading_raises_is_raised_in_its_turn() -> None:
    def load(plan: int) -> int:
        if plan == 2:
            raise ValueError("a picture that cannot be read")
        return plan

    batches = Loader(load).batches(range(5))
    assert [next(batches), next(batches)] == [0, 1]
    with pytest.raises(ValueError, match="picture"):
        next(batches)
