"""One study of a learned judge: split, fit, decide on validation, measure on test beside the baselines."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from goeswith.pair_judge.model import Answers, PairModel
from goeswith.results import Figure
from training.dataset import Ints
from training.judge.baselines import majority_labels, tfidf_labels
from training.judge.fit import Choice, Source, fit_and_choose, set_temperature
from training.judge.lessons import TEST, TRAIN, VALIDATION, Lessons, split_pairs
from training.judge.measure import Exam, measure, measure_confidence
from training.judge.reliability import plot_reliability


@dataclass(frozen=True, slots=True)
class Study:
    """A model that saw no test item, what it answered on the test, and the rows of figures."""

    model: PairModel
    choice: Choice
    test: Lessons
    answers: Answers
    before: Answers
    """Without temperature scaling."""
    figures: tuple[Figure, ...]

    def plot(self, title: str, path: Path) -> Path:
        """Write the reliability plot."""
        labels = self.test.labels
        return plot_reliability({"before scaling": (self.before.chances, labels), "after scaling": (self.answers.chances, labels)}, title, path)


def study(lessons: Lessons, source: Source, *, data: str, seed: int, least_agreement: float, others: Mapping[str, Ints] | None = None) -> Study:
    """Return the study of one split. ``others`` holds further judges' labels of all lessons (P,), measured beside ours."""
    split = split_pairs(lessons, seed)
    train, validation, test = (lessons.take(split == part) for part in (TRAIN, VALIDATION, TEST))
    model, choice = fit_and_choose(train, validation, source, least_agreement=least_agreement)
    answers, before = model.ask(test.pairs()), set_temperature(model, 1.0).ask(test.pairs())
    said = {source.kind: answers.chances.argmax(axis=1), "tfidf": tfidf_labels(train, test), "majority": majority_labels(train, test)}
    said |= {name: labels[split == TEST] for name, labels in (others or {}).items()}
    exam = Exam.of(data, test, seed)
    figures = [*measure(exam, said), *measure_confidence(exam, source.kind, answers, before, choice.abstain_below)]
    return Study(model, choice, test, answers, before, tuple(figures))
