"""LightGBM over ``model_repository.completion``'s features: which candidate is the one that was left out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import lightgbm
import numpy as np
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from goeswith.progress import progress
from model_repository.completion import Completion, Found, Settings, as_probability, order_items
from training.bundle_cases import BundleCases
from training.bundles.knowledge import Knowledge
from training.bundles.recipe import BundleRecipe
from training.dataset import Floats, Ints

PARAMETERS = {
    "objective": "lambdarank",
    "lambdarank_truncation_level": 20,
    "min_data_in_leaf": 50,
    "feature_fraction": 0.6,
    "verbose": -1,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
}

TOGETHER = 32
"""Cases whose items are looked up in one pass."""
ONE_THREAD = partial(threadpool_limits, limits=1)
"""Products of a few rows: threads that wait for each other cost several times what they save."""


@dataclass(frozen=True, slots=True)
class Questions:
    """Candidates of Q questions under each other, the one that was left out first of each."""

    features: Floats
    """(R, F)."""
    sizes: Ints
    """(Q,) candidates of each question."""
    asked: int
    """Questions that were asked; the Q among them had their answer among the candidates."""

    @property
    def found(self) -> float:
        """The share of questions whose answer is a candidate: no ranking of candidates reaches more."""
        return len(self.sizes) / max(1, self.asked)


def ask(knowledge: Knowledge, cases: BundleCases, recipe: BundleRecipe, what: str) -> Questions:
    """Return what knowledge that has not seen these cases finds for them: the true item, and random other candidates."""
    completion, rng = knowledge.completion(), np.random.default_rng(recipe.seed)
    groups: list[Floats] = []
    with ONE_THREAD(), progress(f"bundles: {what}", len(cases), unit="cases") as advance:
        for case, found in find_all(knowledge, completion, cases):
            groups += _group(found, int(cases.target[case]), recipe.tree_negatives, rng)
            advance(1, "")
    features = np.concatenate(groups) if groups else np.zeros((0, len(knowledge.settings.columns)), np.float32)
    return Questions(features, np.array([len(group) for group in groups], dtype=np.int64), len(cases))


def find_all(knowledge: Knowledge, completion: Completion, cases: BundleCases) -> Iterator[tuple[int, Found]]:
    """Yield each case and what is found for it, unit by unit: what is near the items of some units is looked up in one pass."""
    for part in np.array_split(np.argsort(cases.unit, kind="stable"), -(-len(cases) // TOGETHER)) if len(cases) else ():
        given = [np.array(cases.given(case), dtype=np.int64) for case in part]
        completion.remember(np.concatenate(given))
        for case, items in zip(part, given, strict=True):
            yield int(case), completion.find(items, knowledge.query(items))


def _group(found: Found, target: int, negatives: int, rng: np.random.Generator) -> list[Floats]:
    """Return the features of the target (first) and of random other candidates; nothing where the target is no candidate."""
    others = np.flatnonzero(found.items != target)
    if len(others) == len(found.items) or not len(others):
        return []
    drawn = rng.choice(others, min(negatives, len(others)), replace=False)
    return [found.features[np.concatenate([np.flatnonzero(found.items == target), drawn])]]


def join_questions(parts: Sequence[Questions]) -> Questions:
    """Return the questions of several folds as one."""
    features, sizes = (np.concatenate(column) for column in zip(*((part.features, part.sizes) for part in parts), strict=True))
    return Questions(features, sizes, sum(part.asked for part in parts))


def grow(questions: Questions, settings: Settings, recipe: BundleRecipe) -> lightgbm.Booster:
    """Return trees whose thresholds are single precision: any runtime decides alike."""
    labels = np.zeros(len(questions.features), dtype=np.int64)
    labels[np.cumsum(questions.sizes) - questions.sizes] = 1
    data = lightgbm.Dataset(questions.features, labels, group=questions.sizes, feature_name=[name.replace(" ", "_") for name in settings.columns])
    sizes = {"num_leaves": recipe.leaves, "learning_rate": recipe.tree_lr, "seed": recipe.seed}
    return lightgbm.Booster(model_str=in_single_precision(lightgbm.train({**PARAMETERS, **sizes}, data, recipe.rounds).model_to_string()))


@dataclass(frozen=True, slots=True)
class Trees:
    """Trees, and the line that makes their scores logits: a candidate's score is how likely it is the item that was left out."""

    booster: lightgbm.Booster
    slope: float
    intercept: float

    def score(self, features: Floats) -> Floats:
        """Return probabilities (C,) of candidates' features (C, F)."""
        return as_probability(predict(self.booster, features), self.slope, self.intercept)


def predict(booster: lightgbm.Booster, features: Floats) -> Floats:
    """Return raw scores (C,)."""
    return np.asarray(booster.predict(features, num_threads=1), dtype=np.float32) if len(features) else np.zeros(0, dtype=np.float32)


def fit_line(scores: Floats, wanted: Floats) -> tuple[float, float]:
    """Return slope and intercept by which scores (R,) of candidates become logits of ``wanted`` (R,), 1 for the item that was left out."""
    line = LogisticRegression(C=1e6).fit(scores[:, None], wanted)
    return max(1e-3, float(line.coef_[0, 0])), float(line.intercept_[0])


def in_single_precision(model: str) -> str:
    """Return LightGBM's text with each threshold at the next lower float32: for float32 features ``x <= threshold`` says the same.

    Trees get longer or shorter by it, so the line that says how long each one is goes: LightGBM reads them one after another without.
    """
    lines = (line for line in model.split("\n") if not line.startswith("tree_sizes="))
    return "\n".join(_lowered(line) if line.startswith("threshold=") else line for line in lines)


def _lowered(line: str) -> str:
    exact = np.array(line.removeprefix("threshold=").split(), dtype=np.float64)
    single = exact.astype(np.float32)
    single = np.where(single > exact, np.nextafter(single, np.float32(-np.inf)), single)
    return "threshold=" + " ".join(repr(float(value)) for value in single)


def score_all(trees: Trees | None, found: Found) -> Floats:
    """Return scores (N,) of all items, by the trees where there are any."""
    return order_items(found, None if trees is None or not len(found.items) else trees.score(found.features))
