"""What counts as worse: sure losses beyond the margin, on slices that are guarded."""

import pytest

from goeswith.promotions import Champion, Difference, Interval
from training.promotion.rule import judge

CHAMPION = Champion(version=3, run="old", release="old")


def difference(low: float, high: float, *, guarded: bool = True, reached: float = 0.4, part: str = "warm") -> Difference:
    middle = (low + high) / 2
    return Difference(
        task="complements",
        slice=part,
        metric="ndcg@10",
        n=500,
        champion=Interval(value=reached, low=reached, high=reached),
        challenger=Interval(value=reached + middle, low=reached + low, high=reached + high),
        difference=Interval(value=middle, low=low, high=high),
        guarded=guarded,
    )


@pytest.mark.parametrize(
    ("low", "high", "worse"),
    [(-0.05, -0.03, True), (-0.05, -0.021, True), (-0.05, -0.019, False), (-0.2, 0.01, False), (0.01, 0.05, False)],
)
def test_a_challenger_is_worse_where_the_whole_interval_lies_below_the_margin(low: float, high: float, worse: bool) -> None:
    assert judge(CHAMPION, [difference(low, high)], margin=0.05).worse is worse


def test_the_reason_names_task_slice_metric_and_both_numbers() -> None:
    why = judge(CHAMPION, [difference(-0.05, -0.03)], margin=0.05).why
    assert why == (
        "worse than old/3 by more than 5%: complements warm ndcg@10 0.360 instead of 0.400, difference -0.040 [-0.050, -0.030] over 500 questions"
    )


def test_the_surest_loss_is_named_first_and_the_rest_counted() -> None:
    found = [difference(-0.05, -0.03), *(difference(-0.3, -0.2, part=f"s{k}") for k in range(3))]
    why = judge(CHAMPION, found, margin=0.05).why
    assert why.index("s0") < why.index("s2")
    assert why.endswith("and 1 more")


def test_a_slice_that_is_not_guarded_keeps_nobody_back() -> None:
    compared = judge(CHAMPION, [difference(-0.3, -0.2, guarded=False)], margin=0.05)
    assert not compared.worse
    assert compared.why == "too few questions that old/3 may be asked, too, to compare them"
    assert len(compared.differences) == 1


def test_the_margin_is_a_share_of_what_the_champion_reached() -> None:
    assert not judge(CHAMPION, [difference(-0.05, -0.03, reached=0.9)], margin=0.05).worse
    assert judge(CHAMPION, [difference(-0.05, -0.03, reached=0.1)], margin=0.05).worse
