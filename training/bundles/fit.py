"""Fit bundle completion: what units teach, trees that learned to rank from units that nothing was learned from, and whether these are worth it."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import scipy.sparse as sp

from goeswith.progress import progress
from model_repository.completion import as_probability, order_items
from training.bundle_cases import BundleCases
from training.bundles.folds import has_times, split_folds
from training.bundles.knowledge import Content, Knowledge, learn, read_content, settings_of
from training.bundles.lessons import NOTHING, Lessons
from training.bundles.recipe import BundleRecipe
from training.bundles.set_task import draw_cases
from training.bundles.trees import ONE_THREAD, Questions, Trees, ask, find_all, fit_line, grow, join_questions, predict
from training.dataset import Floats, Items

logger = logging.getLogger(__name__)

FEWEST_CURATED = 100
"""Curated bundles from which on bundles are what is asked about; below, baskets are."""
FEWEST_QUESTIONS = 50
MOST_CHECKED = 1_500
Units = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Fitted:
    """Knowledge of all units, and the trees; None where they rank no better than the set encoder with words."""

    knowledge: Knowledge
    trees: Trees | None
    summary: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Choice:
    """What the last fold says of trees that were grown on the others: NDCG@20 of both ways to rank, and the line of probabilities."""

    trees: float
    set: float
    line: tuple[float, float]


def fit_bundles(items: Items, vectors: Mapping[str, Floats], bundles: Lessons, baskets: Lessons, recipe: BundleRecipe, folder: Path) -> Fitted:
    """Fit on curated bundles and baskets; ``vectors`` are CIRP's tower vectors (N, d) ``text`` and ``image``."""
    content = read_content(items, vectors, recipe)
    curated = len(bundles) >= FEWEST_CURATED
    questions, choice = _cross_fit(content, bundles if curated else baskets, baskets if curated else None, recipe, folder)
    knowledge = _learn_all(content, bundles, baskets, recipe, folder)
    summary: dict[str, Any] = {"bundles": len(bundles), "baskets": len(baskets), "asked_about": "bundles" if curated else "baskets"}
    if choice is None:
        return Fitted(knowledge, None, {**summary, "ranked_by": "set"})
    summary |= {"questions": sum(len(part.sizes) for part in questions), "trees": choice.trees, "set": choice.set}
    if choice.trees < choice.set:
        return Fitted(knowledge, None, {**summary, "ranked_by": "set"})
    return Fitted(knowledge, Trees(grow(join_questions(questions), knowledge.settings, recipe), *choice.line), {**summary, "ranked_by": "trees"})


def refit(
    decided: Fitted, items: Items, vectors: Mapping[str, Floats], bundles: Lessons, baskets: Lessons, recipe: BundleRecipe, folder: Path
) -> Fitted | None:
    """Return knowledge of all these units with the trees that were decided on; None where these read other channels or facets."""
    content = read_content(items, vectors, recipe)
    if settings_of(content, recipe) != decided.knowledge.settings:
        return None
    knowledge = _learn_all(content, bundles, baskets, recipe, folder)
    return Fitted(knowledge, decided.trees, {**decided.summary, "bundles": len(bundles), "baskets": len(baskets)})


def _learn_all(content: Content, bundles: Lessons, baskets: Lessons, recipe: BundleRecipe, folder: Path) -> Knowledge:
    return learn(bundles.and_also(baskets), content, recipe, folder / "set", "set encoder")


def _cross_fit(content: Content, asked: Lessons, others: Lessons | None, recipe: BundleRecipe, folder: Path) -> tuple[list[Questions], Choice | None]:
    """Return each fold's questions, and what trees grown on all but the last reach on the last; None where they have too little to learn from."""
    folds = list(split_folds(asked, recipe.folds, by_time=others is None and has_times(asked)))
    safe = NOTHING if others is None else others.take(np.flatnonzero(~holds_any(others.members, asked.members, len(content.variants))))
    questions: list[Questions] = []
    choice: Choice | None = None
    for number, (taught, questioned) in enumerate(folds):
        units = asked.take(taught).and_also(safe)
        knowledge = learn(units, content, recipe, folder / f"fold-{number}", f"set encoder, fold {number + 1}/{len(folds)}")
        cases = draw_cases(asked.take(questioned), max(1, recipe.asked // len(folds)), recipe.seed)
        if number == len(folds) - 1 and sum(len(part.sizes) for part in questions) >= FEWEST_QUESTIONS:
            choice = compare(knowledge, grow(join_questions(questions), knowledge.settings, recipe), cases)
        questions.append(ask(knowledge, cases, recipe, f"fold {number + 1}/{len(folds)}"))
        logger.info("fold %d: %d questions, the answer is a candidate of %.3f", number + 1, len(cases), questions[-1].found)
    return questions, choice


def holds_any(baskets: Units, bundles: Units, size: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Return which baskets (U,) hold all items of some bundle: the ones that bundles may have been drawn from."""
    if not baskets or not bundles:
        return np.zeros(len(baskets), dtype=np.bool_)
    both = _incidence(bundles, size) @ _incidence(baskets, size).T
    whole = both.tocoo()
    sizes = np.array([len(unit) for unit in bundles])
    found = np.zeros(len(baskets), dtype=np.bool_)
    found[whole.col[whole.data >= sizes[whole.row]]] = True
    return found


def _incidence(units: Units, size: int) -> sp.csr_matrix:
    rows = np.repeat(np.arange(len(units)), [len(unit) for unit in units])
    columns = np.array([item for unit in units for item in unit], dtype=np.int64)
    return sp.csr_matrix((np.ones(len(columns), np.float32), (rows, columns)), (len(units), size))


def compare(knowledge: Knowledge, booster: lightgbm.Booster, cases: BundleCases) -> Choice | None:
    """Return how trees and the set encoder with words rank cases that neither has learned from; None where no answer is a candidate."""
    completion, count = knowledge.completion(), min(MOST_CHECKED, len(cases))
    reached, raw, wanted = np.zeros((count, 2)), [], []
    with ONE_THREAD(), progress("bundles: trees or set encoder", count, unit="cases") as advance:
        for row, (case, found) in enumerate(find_all(knowledge, completion, cases.take(slice(count)))):
            raw.append(predict(booster, found.features))
            wanted.append((found.items == cases.target[case]).astype(np.float32))
            ways = (order_items(found, as_probability(raw[-1], 1.0, 0.0)), order_items(found, None))
            reached[row] = [gain(scores, cases.given(case), int(cases.target[case])) for scores in ways]
            advance(1, "")
    if not any(part.any() for part in wanted):
        return None
    trees, ordered = reached.mean(axis=0)
    return Choice(float(trees), float(ordered), fit_line(np.concatenate(raw), np.concatenate(wanted)))


def gain(scores: Floats, given: Sequence[int], target: int) -> float:
    """Return NDCG@20 of the target among all items that are not given."""
    scores = scores.copy()
    scores[given] = -np.inf
    ahead = np.count_nonzero(scores > scores[target]) + (np.count_nonzero(scores == scores[target]) - 1) / 2
    return float(1 / np.log2(ahead + 2)) if ahead < 20 else 0.0
