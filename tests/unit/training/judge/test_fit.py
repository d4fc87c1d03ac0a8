"""Splitting, fitting and deciding: no item of a test pair is taught, and what is easy is learned."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score

from goeswith.catalogue.graph import LABELS
from goeswith.errors import TrainingStopped
from goeswith.pair_judge.features import Shape
from goeswith.pair_judge.item import Item
from goeswith.pair_judge.model import Answers
from training.evaluation.intervals import Resampling
from training.judge.fit import Choice, Source, choose_threshold, fit_chosen
from training.judge.lessons import BETWEEN, TEST, TRAIN, Lessons, join_lessons, split_pairs
from training.judge.measure import macro_f1, of_label
from training.judge.reliability import calibration_error, reliability
from training.judge.study import join_studies, study

KINDS = (("sport", "racket"), ("sport", "balls"), ("kitchen", "pan"), ("kitchen", "spatula"))
SOURCE = Source("supervised", "people.tsv")


def shop(num_items: int = 160, seed: int = 0) -> Lessons:
    """Return pairs whose label follows from the categories: same narrowest, same department, another."""
    rng = np.random.default_rng(seed)
    items = {f"i{n}": Item(title=f"{KINDS[n % 4][1]} model {n}", category=KINDS[n % 4]) for n in range(num_items)}
    ends = rng.integers(0, num_items, (12 * num_items, 2))
    pairs = sorted({(f"i{a}", f"i{b}") for a, b in ends.tolist() if a != b})
    labels = [0 if a == b else 1 if a[0] == b[0] else 2 for a, b in ((items[x].category, items[y].category) for x, y in pairs)]
    src, dst = zip(*pairs, strict=True)
    return Lessons(items, src, dst, np.array(labels, dtype=np.int64), (None,) * len(pairs))


def test_no_item_of_a_test_pair_stands_in_training() -> None:
    lessons = shop()
    split = split_pairs(lessons, seed=3)
    parts = [lessons.take(split == part) for part in (TRAIN, TEST)]
    taught, tested = ({*part.src, *part.dst} for part in parts)
    assert tested
    assert not taught & tested
    assert (split == BETWEEN).any()
    assert np.array_equal(split, split_pairs(lessons, seed=3))
    assert not np.array_equal(split, split_pairs(lessons, seed=4))


def test_too_few_pairs_end_with_what_was_found() -> None:
    with pytest.raises(TrainingStopped, match="too few for a judge"):
        split_pairs(shop(12), seed=0)


def test_a_pair_judged_in_one_order_teaches_both_and_one_judged_in_both_keeps_both_answers() -> None:
    items = {name: Item(title=name) for name in "abc"}
    lessons = Lessons(items, ("a", "b", "b"), ("b", "a", "c"), np.array([1, 2, 0]), (None,) * 3)
    both = lessons.both_ways()
    assert list(zip(both.src, both.dst, both.labels.tolist(), strict=True)) == [("a", "b", 1), ("b", "a", 2), ("b", "c", 0), ("c", "b", 0)]


@pytest.mark.slow
def test_what_follows_from_the_categories_is_learned_and_beats_the_titles() -> None:
    found, model, choice = study(shop(), SOURCE, seed=0, least_agreement=0.9)
    figures = {(f.slice, f.model, f.metric): f.value for f in found.figures("shop", 0)}
    assert figures["test", "supervised", "accuracy"] > 0.95
    assert figures["test", "supervised", "accuracy"] > figures["test", "majority", "accuracy"] + 0.2
    assert figures["answered", "supervised", "accuracy"] >= figures["test", "supervised", "accuracy"]
    assert model.recipe.abstain_below == choice.abstain_below
    twice = join_studies([found, found])
    assert len(twice.test) == 2 * len(found.test)
    assert {f.seed for f in twice.figures("shop", None)} == {None}
    served = fit_chosen(shop(), SOURCE, choice)
    assert (served.recipe.pairs, served.recipe.temperature) == (len(shop()), choice.temperature)


def test_of_two_labels_the_third_is_all_but_impossible() -> None:
    lessons = shop().take(shop().labels != 1)
    chances = fit_chosen(lessons, SOURCE, Choice(Shape(1, 2, 10), 1.0, 1.0, 0.5)).ask(lessons.pairs()).chances
    assert chances[:, 1].max() < 1e-6
    assert accuracy_score(lessons.labels, chances.argmax(axis=1)) > 0.95


def answers(confidence: list[float], right: list[bool]) -> tuple[Answers, "np.ndarray[tuple[int], np.dtype[np.int64]]"]:
    chances = np.array([[c, 1 - c, 0.0] for c in confidence])
    return Answers(chances, np.array(confidence)), np.where(right, 0, 1)


def test_the_threshold_answers_as_much_as_the_asked_agreement_allows() -> None:
    sure = [0.9] * 30 + [0.7] * 10 + [0.6] * 10
    said, labels = answers(sure, [True] * 30 + [True] * 7 + [False] * 3 + [False] * 10)
    assert choose_threshold(said, labels, 0.9) == pytest.approx(0.7)
    assert choose_threshold(said, labels, 0.7) == pytest.approx(0.6)


def test_a_judge_that_never_agrees_often_enough_is_not_written() -> None:
    said, labels = answers([0.9] * 40, [True, False] * 20)
    with pytest.raises(TrainingStopped, match=r"50%|51%|52%") as stopped:
        choose_threshold(said, labels, 0.9)
    assert "least_agreement" in stopped.value.remedy


def test_macro_f1_is_scikit_learns_and_lies_in_its_interval() -> None:
    rng = np.random.default_rng(0)
    labels, said = rng.integers(0, 3, 200), rng.integers(0, 3, 200)
    value, (low, high) = macro_f1(labels, said, Resampling.of(np.arange(200), draws=500))
    assert value == pytest.approx(f1_score(labels, said, average="macro"))
    assert low < value < high


def test_a_label_that_is_never_said_has_no_precision_rather_than_an_error() -> None:
    nothing = np.zeros(3, dtype=np.bool_)
    assert of_label(~nothing, nothing) == {"precision": 0.0, "recall": 0.0, "f1": 0.0}


def test_the_calibration_error_is_the_distance_of_sure_and_right() -> None:
    said, labels = answers([0.95] * 10 + [0.65] * 10, [True] * 10 + [False] * 10)
    assert [(b.n, b.accuracy) for b in reliability(said.chances, labels)] == [(10, 0.0), (10, 1.0)]
    assert calibration_error(said.chances, labels) == pytest.approx((0.05 + 0.65) / 2)


def test_joined_lessons_stand_behind_each_other() -> None:
    joined = join_lessons([shop(20), shop(20)])
    assert len(joined) == 2 * len(shop(20))
    assert joined.labels.max() < len(LABELS)
