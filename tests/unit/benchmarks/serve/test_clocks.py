"""Clocks count what was answered, what failed and where the time went."""

import threading
import time

import numpy as np
import pytest

from benchmarks.serve.clocks import Taken, Timed, ask_at_once, ask_for, drawn
from benchmarks.serve.made import make_catalogue, rows_of
from benchmarks.serve.slices import FOUND, OURS, as_figures, by_numpy
from goeswith_client import InvalidRequest


def test_one_caller_asks_in_order_and_round_again_until_its_time_is_up() -> None:
    asked: list[str] = []

    def ask(item: str) -> None:
        asked.append(item)
        time.sleep(0.01)

    taken = ask_for(0.1, ask, ["a", "b"])
    assert asked[:4] == ["a", "b", "a", "b"]
    assert len(taken.ms) == len(asked)
    assert taken.seconds >= 0.1
    assert min(taken.ms) >= 10


def test_errors_are_counted_and_are_no_answers() -> None:
    def refuse(item: str) -> None:
        raise InvalidRequest(item, "ask for something else")

    taken = ask_for(0.01, refuse, ["a"])
    assert taken.errors > 0
    assert not taken.ms


def test_many_callers_ask_at_once_each_in_an_order_of_its_own() -> None:
    first: dict[int, list[str]] = {}
    all_here = threading.Barrier(4, timeout=10)

    def ask(item: str) -> None:
        asked = first.setdefault(threading.get_ident(), [])
        asked.append(item)
        if len(asked) == 1:
            all_here.wait()
        time.sleep(0.005)

    taken = ask_at_once(4, 0.1, ask, [str(n) for n in range(50)])
    assert len(first) == 4
    assert len({tuple(items[:5]) for items in first.values()}) == 4
    assert len(taken.ms) == sum(map(len, first.values()))


def test_a_clock_around_another_passes_calls_on_and_adds_up_their_time() -> None:
    class Slow:
        limit = 3

        def wait(self, seconds: float, *, twice: bool = False) -> str:
            time.sleep(seconds * (1 + twice))
            return "waited"

    timed = Timed(Slow())
    assert timed.limit == 3
    assert timed.wait(0.01, twice=True) == "waited"
    assert timed.seconds >= 0.02


def test_figures_are_means_over_runs_and_no_error_is_a_figure_too() -> None:
    runs = [Taken([1.0, 2.0, 3.0], 0.5, 0), Taken([1.0, 2.0, 3.0], 1.0, 2)]
    found = {figure.metric: figure for figure in as_figures("answer", OURS, runs)}
    assert found["p50_ms"].value == pytest.approx(2.0)
    assert found["per_second"].value == pytest.approx((6 * 3) ** 0.5)
    assert found["errors"].value == 1.0
    assert {figure.n for figure in found.values()} == {6}


def test_numpys_search_is_the_exact_one() -> None:
    vectors = np.random.default_rng(0).standard_normal((200, 8), dtype=np.float32)
    scores = vectors @ vectors[7]
    scores[7] = -np.inf
    assert by_numpy(vectors, 7).tolist() == np.argsort(-scores)[:FOUND].tolist()


def test_a_made_catalogue_lists_every_second_item_and_is_the_same_again() -> None:
    catalogue = make_catalogue(1_000)
    assert not set(catalogue.listed) & set(catalogue.unlisted)
    assert len(catalogue.listed) == len(catalogue.unlisted) == 500
    rows, again = list(rows_of(catalogue)), list(rows_of(catalogue))
    assert rows == again
    assert {row["category"][0] for row in rows} == set(catalogue.department)
    assert 0 < sum(not row["available"] for row in rows) < 200
    assert drawn(catalogue.ids, 5, 1) == drawn(catalogue.ids, 5, 1) != drawn(catalogue.ids, 5, 2)
