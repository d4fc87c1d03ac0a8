"""How well judges agree with the teacher on test pairs: rows of figures, with intervals by resampling the asked items.

Shapes: P test pairs, D draws of the bootstrap.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from goeswith.catalogue.graph import LABELS
from goeswith.pair_judge.model import Answers
from goeswith.results import Figure
from training.dataset import Bools, Ints
from training.evaluation.intervals import LEVEL, Resampling
from training.evaluation.metrics import Values
from training.judge.lessons import Lessons
from training.judge.reliability import calibration_error, reliability

DRAWS = 2_000
TASK = "judge"


@dataclass(frozen=True, slots=True)
class Exam:
    """Test pairs and the resampling of their asked items, one for all who sit it."""

    data: str
    lessons: Lessons
    seed: int | None
    resampling: Resampling

    @classmethod
    def of(cls, data: str, lessons: Lessons, seed: int | None) -> "Exam":
        """Draw the resampling."""
        items = np.unique(np.array(lessons.src), return_inverse=True)[1].astype(np.int64)
        return cls(data, lessons, seed, Resampling.of(items, draws=DRAWS))

    def figure(self, part: str, model: str, metric: str, value: float, bounds: tuple[float, float] | None = None, n: int | None = None) -> Figure:
        """Return one row."""
        low, high = bounds or (None, None)
        count = len(self.lessons) if n is None else n
        return Figure(
            task=TASK, data=self.data, slice=part, model=model, metric=metric, value=float(value), low=low, high=high, n=count, seed=self.seed
        )


def measure(exam: Exam, said: Mapping[str, Ints]) -> Iterator[Figure]:
    """Yield accuracy, macro F1 and each label's precision, recall and F1 of every judge's labels (P,)."""
    labels = exam.lessons.labels
    for model, answers in said.items():
        right = exam.resampling.estimate((answers == labels).astype(np.float64))
        yield exam.figure("test", model, "accuracy", right.value, (right.low, right.high))
        f1, bounds = macro_f1(labels, answers, exam.resampling)
        yield exam.figure("test", model, "macro_f1", f1, bounds)
        for i, name in enumerate(LABELS):
            for metric, value in of_label(labels == i, answers == i).items():
                yield exam.figure(name, model, metric, value, n=int((labels == i).sum()))
        yield from _finer(exam, model, answers == labels)


def _finer(exam: Exam, model: str, right: Bools) -> Iterator[Figure]:
    """Yield how often pairs of a finer class get the label that the class belongs to."""
    for name in sorted({name for name in exam.lessons.finer if name is not None} - set(LABELS)):
        mine = np.array([found == name for found in exam.lessons.finer])
        yield exam.figure(name, model, "recall", right[mine].mean(), n=int(mine.sum()))


def of_label(true: Bools, said: Bools) -> dict[str, float]:
    """Return precision, recall and F1 of one label; 0 where nothing was said of it, or nothing is."""
    hit = float((true & said).sum())
    return {"precision": hit / max(1, said.sum()), "recall": hit / max(1, true.sum()), "f1": 2 * hit / max(1, true.sum() + said.sum())}


def macro_f1(labels: Ints, said: Ints, resampling: Resampling) -> tuple[float, tuple[float, float]]:
    """Return the mean F1 over the labels and its 95% interval; the table of labels by answers is summed in each draw."""
    cells = np.eye(len(LABELS) ** 2)[labels * len(LABELS) + said]
    by_item = np.zeros((resampling.chosen.shape[1], cells.shape[1]))
    np.add.at(by_item, resampling.unit, cells)
    low, high = np.percentile(_mean_f1(resampling.chosen @ by_item), LEVEL)
    return float(_mean_f1(cells.sum(axis=0, keepdims=True))[0]), (float(low), float(high))


def _mean_f1(tables: Values) -> Values:
    """Return the mean F1 of each table (D, 9): labels down, answers across."""
    square = tables.reshape(-1, len(LABELS), len(LABELS))
    hits = np.diagonal(square, axis1=1, axis2=2)
    both = square.sum(axis=1) + square.sum(axis=2)
    mean: Values = (2 * hits / np.maximum(both, 1)).mean(axis=1)
    return mean


def measure_confidence(exam: Exam, model: str, answers: Answers, before: Answers, sure: Bools) -> Iterator[Figure]:
    """Yield coverage and agreement where the judge is ``sure`` (P,), and its calibration: after temperature scaling, and ``before``."""
    right = answers.chances.argmax(axis=1) == exam.lessons.labels
    covered = exam.resampling.estimate(sure.astype(np.float64))
    yield exam.figure("test", model, "coverage", covered.value, (covered.low, covered.high))
    if sure.any():
        units = exam.resampling.unit[sure]
        agreed = Resampling.of(units, draws=DRAWS).estimate(right[sure].astype(np.float64))
        yield exam.figure("answered", model, "accuracy", agreed.value, (agreed.low, agreed.high), agreed.n)
    for metric, found in (("ece", answers), ("ece_before", before)):
        yield exam.figure("test", model, metric, calibration_error(found.chances, exam.lessons.labels))
    for part in reliability(answers.chances, exam.lessons.labels):
        for metric, value in (("confidence", part.confidence), ("accuracy", part.accuracy)):
            yield exam.figure(f"confidence {part.low:.1f}-{part.high:.1f}", model, metric, value, n=part.n)
