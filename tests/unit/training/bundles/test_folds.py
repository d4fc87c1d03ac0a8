"""What is asked about a unit was not learned from it."""

import numpy as np
import pytest

from training.bundles.fit import holds_any
from training.bundles.folds import has_times, split_folds
from training.bundles.lessons import Lessons


def lessons(times: list[str], groups: list[int] | None = None) -> Lessons:
    count = len(times)
    return Lessons(tuple((i, i + 1) for i in range(count)), np.array(times, dtype="datetime64[us]"), np.array(groups or range(count), dtype=np.int64))


def test_by_time_each_fold_is_asked_about_what_comes_after_all_that_it_learned_from() -> None:
    days = [f"2025-01-{1 + i // 3:02d}" for i in range(60)]
    made = lessons(days)
    folds = list(split_folds(made, 4, by_time=True))
    assert len(folds) == 4
    assert np.concatenate([asked for _, asked in folds]).tolist() == list(range(folds[0][1][0], 60))
    for taught, asked in folds:
        assert made.times[taught].max() < made.times[asked].min()


def test_without_times_groups_take_turns_and_none_is_cut() -> None:
    made = lessons(["NaT"] * 40, [i // 2 for i in range(40)])
    assert not has_times(made)
    folds = list(split_folds(made, 4, by_time=False))
    assert sorted(np.concatenate([asked for _, asked in folds]).tolist()) == list(range(40))
    for taught, asked in folds:
        assert not set(made.groups[taught]) & set(made.groups[asked])


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_to_learn_from_makes_no_fold(count: int) -> None:
    assert list(split_folds(lessons(["NaT"] * count), 4, by_time=False)) == []


def test_all_at_one_time_cannot_be_told_apart_by_it() -> None:
    assert not has_times(lessons(["2025-01-01"] * 5))


def test_a_basket_that_holds_a_whole_bundle_is_known() -> None:
    baskets = ((0, 1, 2), (1, 2), (0, 3), (4, 5))
    assert holds_any(baskets, ((1, 2), (0, 3, 4)), 6).tolist() == [True, True, False, False]
    assert holds_any((), ((1, 2),), 6).tolist() == []
