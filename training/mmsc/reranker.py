"""The re-ranker of a task: boosted trees over the neural score, content cosines and heuristics, learned on hidden pairs.

Its output is a probability, so scores of both tasks lie in [0, 1] and can be compared.
"""

from dataclasses import dataclass
from pathlib import Path

import lightgbm
import numpy as np

from goeswith.errors import ModelInvalid
from training.dataset import Floats, Ints, Pairs
from training.mmsc.heuristics import NAMES, PairFeatures
from training.mmsc.pairs import Adjacency, take_pairs
from training.mmsc.recipe import MmscRecipe
from training.mmsc.stored import StoredVectors

COLUMNS = ("neural", "content", "text", "image", *NAMES)
NEGATIVES = 50
"""Uniform ones, a hidden pair. The nearest by vector as negatives cost a tenth of NDCG on Beauty: many of them are related."""
COLD_SHARE = 0.1
"""Share of hidden pairs whose source is shown as if it were cold."""
FEWEST = 20
PARAMETERS = {
    "objective": "binary",
    "num_leaves": 15,
    "learning_rate": 0.08,
    "min_data_in_leaf": 20,
    "min_sum_hessian_in_leaf": 1.0,  # nearly separable data: without these two, leaves of no curvature blow up
    "lambda_l2": 5.0,
    "feature_fraction": 0.8,
    "verbose": -1,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 2,
}
ROUNDS = 150


@dataclass(frozen=True, slots=True)
class Reranker:
    """Trees over ``COLUMNS``."""

    booster: lightgbm.Booster

    def score(self, features: Floats) -> Floats:
        """Return probabilities (B, C) of features (B, C, len(COLUMNS))."""
        flat = features.reshape(-1, features.shape[-1])
        return np.asarray(self.booster.predict(flat), dtype=np.float32).reshape(features.shape[:2])

    def text(self) -> str:
        """Return the trees as LightGBM's own text: what a file holds."""
        return str(self.booster.model_to_string())


def load_reranker(path: Path) -> Reranker:
    """Load what ``text`` gave. Raises ``ModelInvalid`` where the file's columns are not ours."""
    booster = lightgbm.Booster(model_file=str(path))
    if booster.num_feature() != len(COLUMNS):
        raise ModelInvalid(f"{path} reads {booster.num_feature()} columns, not {len(COLUMNS)}", "train MMSC again")
    return Reranker(booster)


def pair_columns(vectors: StoredVectors, heuristics: PairFeatures, kind: str, src: Ints, candidates: Ints) -> Floats:
    """Return (B, C, len(COLUMNS)); B at most ``heuristics.block``."""
    return np.concatenate([vectors.cosines(kind, src, candidates), heuristics.rows(kind, src, candidates)], axis=-1)


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a re-ranker learns from: hidden pairs of a task, and features that come from the kept pairs only.

    ``cold`` are the same vectors with every item's behaviour lent by others, as if all were cold.
    """

    kind: str
    hidden: Pairs
    known: tuple[Adjacency, ...]
    heuristics: PairFeatures
    vectors: StoredVectors
    cold: StoredVectors

    def block(self, part: Pairs, rng: np.random.Generator) -> tuple[Floats, Ints]:
        """Return features (rows, len(COLUMNS)) and labels (rows,) of a few hidden pairs and their negatives."""
        candidates, labels = self._candidates(part, rng)
        cold = rng.random(len(part)) < COLD_SHARE
        similar = np.where(
            cold[:, None, None], self.cold.cosines(self.kind, part.src, candidates), self.vectors.cosines(self.kind, part.src, candidates)
        )
        features = np.concatenate([similar, self.heuristics.rows(self.kind, part.src, candidates, cold)], axis=-1)
        return features[labels >= 0], labels[labels >= 0]

    def _candidates(self, part: Pairs, rng: np.random.Generator) -> tuple[Ints, Ints]:
        """Return candidates (B, 1 + NEGATIVES), the true one first, and labels: 1, 0, or -1 for one that is known to be related."""
        candidates = np.concatenate([part.dst[:, None], rng.integers(0, self.vectors.size, (len(part), NEGATIVES))], axis=1)
        related = np.logical_or.reduce([known.joined(self.kind, part.src[:, None], candidates) for known in self.known])
        labels = np.where(related, -1, 0)
        labels[:, 0] = 1
        return candidates, labels


def fit_reranker(lesson: Lesson, recipe: MmscRecipe) -> Reranker | None:
    """Return trees learned on the hidden pairs of the lesson's task; None where they are fewer than ``FEWEST``."""
    hidden = lesson.hidden.of_type(lesson.kind)
    if len(hidden) < FEWEST:
        return None
    rng = np.random.default_rng(recipe.seed)
    order = rng.permutation(len(hidden))[: recipe.max_hidden]
    blocks = [lesson.block(take_pairs(hidden, order[at : at + lesson.heuristics.block]), rng) for at in range(0, len(order), lesson.heuristics.block)]
    x, y = (np.concatenate(part) for part in zip(*blocks, strict=True))
    data = lightgbm.Dataset(x, y, feature_name=list(COLUMNS))
    return Reranker(lightgbm.train({**PARAMETERS, "seed": recipe.seed}, data, ROUNDS))
