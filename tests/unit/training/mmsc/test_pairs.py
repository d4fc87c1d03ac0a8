"""Which pairs stay hidden, and in which round each is drawn."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.training.mmsc.tiny import pairs_of
from training.dataset import Pairs
from training.mmsc.pairs import KEPT, MOST_ROUNDS, disjoint, draw_rounds, split_pairs, unordered_keys
from training.mmsc.recipe import KINDS, MmscRecipe

Ends = st.lists(st.tuples(st.integers(0, 9), st.integers(10, 19)), min_size=1, max_size=40, unique=True).map(lambda pairs: np.array(pairs).T)
HUB = np.stack([np.zeros(50, dtype=np.int64), np.arange(1, 51)])


def everyone_with_everyone(count: int) -> list[tuple[int, int, str]]:
    return [(i, j, kind) for i in range(count) for j in range(count) if i != j for kind in "sc"]


def test_hiding_a_pair_hides_both_directions_of_its_task_alone() -> None:
    pairs = pairs_of(*everyone_with_everyone(30))
    split = split_pairs(pairs, 30, MmscRecipe(hidden=0.2))
    assert len(split.kept) + len(split.hidden) == len(pairs)
    for kind in KINDS:
        kept, hidden = (unordered_keys(part.of_type(kind), 30) for part in (split.kept, split.hidden))
        assert len(np.unique(hidden)) == 87, "a fifth of 435"
        assert not set(kept.tolist()) & set(hidden.tolist())
    of = [set(unordered_keys(split.hidden.of_type(kind), 30).tolist()) for kind in KINDS]
    assert len(of[0] & of[1]) < 0.5 * len(of[0]), "an edge of the other task stays"


def test_a_task_of_few_pairs_hides_none() -> None:
    assert len(split_pairs(pairs_of((0, 1, "s"), (2, 3, "c")), 4, MmscRecipe()).hidden) == 0


def test_in_one_round_no_item_loses_two_pairs_of_a_task() -> None:
    split = split_pairs(pairs_of(*everyone_with_everyone(30)), 30, MmscRecipe(hidden=0.2))
    for kind in KINDS:
        of = split.hidden.types == kind
        for number in np.unique(split.rounds[of]):
            pairs = np.unique(unordered_keys(split.hidden.where(of & (split.rounds == number)), 30))
            ends = np.concatenate([pairs // 30, pairs % 30])
            assert len(np.unique(ends)) == len(ends)


@settings(max_examples=60, deadline=None)
@given(ends=Ends, seed=st.integers(0, 9))
def test_disjoint_pairs_share_no_item_and_there_is_always_one(ends: np.ndarray, seed: int) -> None:
    chosen = ends[:, disjoint(ends, np.random.default_rng(seed))].ravel()
    assert len(chosen) >= 2
    assert len(np.unique(chosen)) == len(chosen)


@settings(max_examples=40, deadline=None)
@given(ends=Ends, count=st.integers(0, 40))
def test_no_more_pairs_are_drawn_than_asked_for(ends: np.ndarray, count: int) -> None:
    assert (draw_rounds(ends, count, np.random.default_rng(0)) != KEPT).sum() <= count


def dated(days: list[int], kind: str = "c") -> Pairs:
    pairs = pairs_of(*((2 * k, 2 * k + 1, kind) for k in range(len(days))))
    return replace(pairs, days=np.array(days, dtype=np.int64))


def test_of_dated_pairs_the_latest_are_hidden_and_nothing_later_than_the_first_of_them_is_known() -> None:
    days = [31] * 60 + [59] * 30 + [90] * 10
    split = split_pairs(dated(days), 200, MmscRecipe(hidden=0.1))
    assert split.hidden.days.tolist() == [90] * 10
    assert split.known.days.max() == split.kept.days.max() == 59


def test_late_pairs_beyond_the_most_that_may_be_hidden_are_nowhere() -> None:
    split = split_pairs(dated([31] * 60 + [90] * 40), 200, MmscRecipe(hidden=0.1, max_hidden=25))
    assert len(split.hidden) == 25
    assert len(split.known) == len(split.kept) == 60


def test_a_pair_that_met_the_other_way_before_is_not_foretold() -> None:
    pairs = replace(pairs_of((0, 1, "c"), (2, 3, "c"), (1, 0, "c"), (4, 5, "c")), days=np.array([31, 31, 90, 90]))
    split = split_pairs(pairs, 6, MmscRecipe(hidden=0.5))
    assert split.hidden.src.tolist() == [4]


@pytest.mark.parametrize("days", [[0] * 100, [31] * 100, [31] * 20 + [59] * 80], ids=["undated", "one month", "most are late"])
def test_where_time_tells_nothing_pairs_are_hidden_at_random(days: list[int]) -> None:
    split = split_pairs(dated(days), 200, MmscRecipe(hidden=0.2))
    assert len(split.hidden) == 20
    assert len(split.known) == 100


def test_a_hub_gives_one_pair_a_round() -> None:
    assert (draw_rounds(HUB, 40, np.random.default_rng(0)) != KEPT).sum() == MOST_ROUNDS


def test_items_of_few_pairs_are_drawn_as_often_as_hubs() -> None:
    pairs = np.concatenate([HUB, np.array([[100, 102], [101, 103]])], axis=1)
    drawn = np.mean([np.isin([50, 51], disjoint(pairs, np.random.default_rng(seed))).all() for seed in range(50)])
    assert drawn == pytest.approx(1.0), "pairs of their own are theirs whatever the hub does"
