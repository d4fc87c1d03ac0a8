"""Which pairs stay hidden, and in which round each is drawn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.training.mmsc.tiny import pairs_of
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


def test_a_hub_gives_one_pair_a_round() -> None:
    assert (draw_rounds(HUB, 40, np.random.default_rng(0)) != KEPT).sum() == MOST_ROUNDS


def test_items_of_few_pairs_are_drawn_as_often_as_hubs() -> None:
    pairs = np.concatenate([HUB, np.array([[100, 102], [101, 103]])], axis=1)
    drawn = np.mean([np.isin([50, 51], disjoint(pairs, np.random.default_rng(seed))).all() for seed in range(50)])
    assert drawn == pytest.approx(1.0), "pairs of their own are theirs whatever the hub does"
