"""Fitting the learned judge: a grid over n-grams and regularisation, then temperature, then where it abstains, all decided on validation."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.optimize import minimize_scalar
from sklearn.linear_model import LogisticRegression

from goeswith.catalogue.graph import LABELS
from goeswith.errors import TrainingStopped
from goeswith.pair_judge.features import VERSION, Floats, Shape, build_rows
from goeswith.pair_judge.model import Answers, Chances, Kind, PairModel, Recipe, combine
from goeswith.progress import progress
from training.dataset import Bools, Ints
from training.evaluation.metrics import Values
from training.judge.lessons import Lessons

NGRAMS = ((1, 2), (1, 3), (2, 4))
STRENGTHS = (0.3, 1.0, 3.0, 10.0, 30.0)
"""Inverse regularisation, C of scikit-learn."""
BITS = 18
MAX_STEPS = 500
TEMPERATURES = (0.1, 10.0)
MIN_ANSWERED = 20
"""Validation pairs that must stay answered: agreement of fewer is luck."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What validation decided on."""

    shape: Shape
    strength: float
    temperature: float
    abstain_below: float


@dataclass(frozen=True, slots=True)
class Source:
    """Who taught: ``kind`` of the judge, and the teacher's name."""

    kind: Kind
    teacher: str


def fit_and_choose(train: Lessons, validation: Lessons, source: Source, *, least_agreement: float) -> tuple[PairModel, Choice]:
    """Return the model of the grid that gives validation's labels the greatest likelihood, calibrated, and what was chosen."""
    tried: list[tuple[float, PairModel, float]] = []
    with progress("fit the judge", len(NGRAMS) * len(STRENGTHS), unit="models") as advance:
        for model, strength in _grid(train, source):
            tried.append((log_loss(model.ask(validation.pairs()).chances, validation.labels), model, strength))
            advance(1, f"loss {tried[-1][0]:.3f}")
    _, best, strength = min(tried, key=lambda one: one[0])
    cooled = set_temperature(best, choose_temperature(best, validation))
    answers = cooled.ask(validation.pairs())
    threshold = choose_threshold(answers, validation.labels, least_agreement)
    choice = Choice(best.recipe.shape, strength, cooled.recipe.temperature, threshold)
    return PairModel(cooled.recipe.model_copy(update={"abstain_below": threshold}), cooled.weights), choice


def fit_chosen(lessons: Lessons, source: Source, choice: Choice) -> PairModel:
    """Return a model of all lessons with what validation decided on: what is served, as in the rest of the project."""
    recipe = _recipe(source, choice.shape, len(lessons)).model_copy(update={"temperature": choice.temperature, "abstain_below": choice.abstain_below})
    both = lessons.both_ways()
    return PairModel(recipe, _weights(_matrix(both, choice.shape), both.labels, choice.strength))


def _grid(train: Lessons, source: Source) -> Iterator[tuple[PairModel, float]]:
    both = train.both_ways()
    for low, high in NGRAMS:
        shape = Shape(low, high, BITS)
        matrix = _matrix(both, shape)
        for strength in STRENGTHS:
            yield PairModel(_recipe(source, shape, len(train)), _weights(matrix, both.labels, strength)), strength


def _recipe(source: Source, shape: Shape, pairs: int) -> Recipe:
    named = {"kind": source.kind, "teacher": source.teacher, "features": VERSION, "classes": LABELS, "weights": ""}
    return Recipe(**named, ngrams=(shape.low, shape.high), bits=shape.bits, temperature=1.0, abstain_below=0.0, pairs=pairs)


def _matrix(lessons: Lessons, shape: Shape) -> sp.csr_matrix:
    rows = build_rows(lessons.pairs(), shape)
    return sp.csr_matrix((rows.values, rows.columns, rows.starts), shape=(len(lessons), shape.width))


def _weights(matrix: sp.csr_matrix, labels: Ints, strength: float) -> Floats:
    """Return weights (F, 3); a label that no lesson has gets a constant that makes it all but impossible.

    Only columns that occur are fitted: the others would stay at zero, and they are nearly all.
    """
    occurring = np.unique(matrix.indices)
    model = LogisticRegression(C=strength, max_iter=MAX_STEPS).fit(matrix[:, occurring], labels)
    weights = np.zeros((matrix.shape[1], len(LABELS)), dtype=np.float32)
    weights[0] = -100.0
    coefficients, constants = _one_a_label(model)
    weights[np.ix_(occurring, model.classes_)] = coefficients.T
    weights[0, model.classes_] += constants
    return weights


def _one_a_label(model: LogisticRegression) -> tuple[Values, Values]:
    """Return coefficients (K, F) and constants (K,); of two labels scikit-learn keeps the second's log odds alone."""
    if len(model.classes_) > 2:
        return model.coef_, model.intercept_
    return np.concatenate([-model.coef_, model.coef_]) / 2, np.concatenate([-model.intercept_, model.intercept_]) / 2


def log_loss(chances: Chances, labels: Ints) -> float:
    """Return the mean negative log likelihood of labels (P,) under chances (P, 3)."""
    given = np.maximum(chances[np.arange(len(labels)), labels], 1e-12)
    return float(-np.log(given).mean())


def set_temperature(model: PairModel, temperature: float) -> PairModel:
    """Return the model with its logits divided by another temperature."""
    return PairModel(model.recipe.model_copy(update={"temperature": temperature}), model.weights)


def choose_temperature(model: PairModel, validation: Lessons) -> float:
    """Return the temperature of the least loss on validation (Guo et al., ICML 2017); above 1 the model was too sure."""
    there, back = model.logits(validation.pairs())

    def loss(power: float) -> float:
        return log_loss(combine(there, back, float(np.exp(power))).chances, validation.labels)

    found = minimize_scalar(loss, bounds=tuple(np.log(TEMPERATURES)), method="bounded", options={"xatol": 1e-3})
    return round(float(np.exp(found.x)), 4)


def choose_threshold(answers: Answers, labels: Ints, least_agreement: float) -> float:
    """Return the least confidence from which on the judge agrees with its teacher at least as often as asked, so that it answers as much as it may.

    Raises ``TrainingStopped`` where no such confidence leaves ``MIN_ANSWERED`` pairs.
    """
    order = np.argsort(-answers.confidence, kind="stable")
    sure, right = answers.confidence[order], (answers.chances.argmax(axis=1) == labels)[order]
    last_of_equals = np.append(sure[:-1] > sure[1:], True)
    enough = np.flatnonzero((_agreed(right) >= least_agreement) & last_of_equals & (np.arange(len(right)) >= MIN_ANSWERED - 1))
    if not len(enough):
        raise TrainingStopped(
            f"the judge agrees with its teacher on {_best(right)} of validation's surest pairs at most, not on {least_agreement:.0%}",
            "give it more labelled pairs, or lower least_agreement",
        )
    return float(sure[enough[-1]])


def _agreed(right: Bools) -> Values:
    """Return how often the first, the first two, ... are right."""
    shares: Values = np.cumsum(right) / np.arange(1, len(right) + 1)
    return shares


def _best(right: Bools) -> str:
    return f"{_agreed(right)[MIN_ANSWERED - 1 :].max():.0%}" if len(right) >= MIN_ANSWERED else "too few pairs"
