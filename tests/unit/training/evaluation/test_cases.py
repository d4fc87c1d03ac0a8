"""Leave-one-out cases."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from training.bundle_cases import MAX_BASKET, BundleCases, leave_one_out
from training.evaluation.cases import RelationCases


def cases_of(units: list[list[int]], max_cases: int = 10_000) -> BundleCases:
    return leave_one_out(units, np.full(len(units), np.datetime64("NaT", "us")), max_cases=max_cases, seed=0)


def test_every_item_of_every_bundle_is_left_out_once() -> None:
    cases = cases_of([[3, 1], [4, 5, 6]])
    asked = {(tuple(cases.given(k)), int(cases.target[k])) for k in range(len(cases))}
    assert asked == {((1,), 3), ((3,), 1), ((5, 6), 4), ((4, 6), 5), ((4, 5), 6)}


def test_a_bundle_of_one_item_asks_nothing() -> None:
    assert len(cases_of([[1], [2, 2]])) == 0


def test_a_huge_basket_is_cut() -> None:
    assert len(cases_of([list(range(5_000))])) == MAX_BASKET


@given(st.lists(st.lists(st.integers(0, 30), max_size=6), max_size=20), st.integers(1, 30))
def test_whole_bundles_are_drawn_within_the_limit(units: list[list[int]], limit: int) -> None:
    cases = cases_of(units, max_cases=limit)
    assert len(cases) <= limit
    assert len(cases) == sum(len(unit) for unit in cases.units)


def test_a_sample_of_relations_keeps_pairs_together() -> None:
    cases = RelationCases("complement", np.arange(50), np.arange(50) + 100, None)
    few = cases.sample(10, seed=1)
    assert len(few) == 10
    assert (few.dst - few.src == 100).all()
