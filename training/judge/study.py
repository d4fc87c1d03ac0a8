"""One study of a learned judge: split, fit, decide on validation, measure on test beside the baselines; and several as one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from goeswith.pair_judge.model import Answers, PairModel
from goeswith.results import Figure
from training.dataset import Bools, Ints
from training.judge.baselines import majority_labels, tfidf_labels
from training.judge.fit import Choice, Source, fit_and_choose, set_temperature
from training.judge.lessons import TEST, TRAIN, VALIDATION, Lessons, join_lessons, split_pairs
from training.judge.measure import Exam, measure, measure_confidence
from training.judge.reliability import plot_reliability


@dataclass(frozen=True, slots=True)
class Study:
    """What was answered on Q test pairs by a model that saw no item of them, and by whatever stands beside it."""

    source: Source
    test: Lessons
    answers: Answers
    before: Answers
    """Without temperature scaling."""
    sure: Bools
    """(Q,) where it does not abstain."""
    beside: Mapping[str, Ints]
    """Other judges' labels (Q,)."""

    def figures(self, data: str, seed: int | None) -> list[Figure]:
        """Return all rows."""
        exam, model = Exam.of(data, self.test, seed), self.source.kind
        said = {model: self.answers.chances.argmax(axis=1), **self.beside}
        return [*measure(exam, said), *measure_confidence(exam, model, self.answers, self.before, self.sure)]

    def plot(self, title: str, path: Path) -> Path:
        """Write the reliability plot."""
        labels = self.test.labels
        return plot_reliability({"before scaling": (self.before.chances, labels), "after scaling": (self.answers.chances, labels)}, title, path)


def study(
    lessons: Lessons, source: Source, *, seed: int, least_agreement: float, others: Mapping[str, Ints] | None = None
) -> tuple[Study, PairModel, Choice]:
    """Return the study of one split, its model, and what it decided on. ``others`` holds further judges' labels of all lessons (P,)."""
    split = split_pairs(lessons, seed)
    train, validation, test = (lessons.take(split == part) for part in (TRAIN, VALIDATION, TEST))
    model, choice = fit_and_choose(train, validation, source, least_agreement=least_agreement)
    answers, before = model.ask(test.pairs()), set_temperature(model, 1.0).ask(test.pairs())
    beside = {name: labels[split == TEST] for name, labels in (others or {}).items()}
    beside |= {"tfidf": tfidf_labels(train, test), "majority": majority_labels(train, test)}
    return Study(source, test, answers, before, answers.confidence >= choice.abstain_below, beside), model, choice


def join_studies(studies: Sequence[Study]) -> Study:
    """Return the test pairs of several splits as one; a pair that two of them tested counts twice, its item is resampled once."""
    first = studies[0]
    answers, before = (
        Answers(np.concatenate([part.chances for part in parts]), np.concatenate([part.confidence for part in parts]))
        for parts in ([one.answers for one in studies], [one.before for one in studies])
    )
    beside = {name: np.concatenate([one.beside[name] for one in studies]) for name in first.beside}
    sure = np.concatenate([one.sure for one in studies])
    return Study(first.source, join_lessons([one.test for one in studies]), answers, before, sure, beside)
