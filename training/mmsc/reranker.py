"""The re-ranker of a task: boosted trees over the neural score, content cosines and heuristics, beside the neural score itself.

The trees learn what made a pair *observed*: closing a triangle of one session helps them there and nowhere else. So the
vectors keep a share of the score, as great as the hidden pairs bear. The output is a probability: scores of both tasks compare.
"""

import math
from dataclasses import dataclass, replace
from pathlib import Path

import lightgbm
import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from goeswith.errors import ModelInvalid
from training.dataset import Floats, Ints, Pairs
from training.mmsc.lesson import COLUMNS, Examples, Lesson
from training.mmsc.pairs import unordered_keys

NEGATIVES = 50
"""Uniform ones, a hidden pair. The nearest by vector as negatives cost a tenth of NDCG on Beauty: many of them are related."""
CHOICE_NEGATIVES = 300
CHOICE_PAIRS = 1_500
FEWEST_CHOICE = 100
CONCEDED = 0.1
"""Part of the best NDCG on hidden pairs that is given up to lean more on the vectors, where pairs were counted in sessions.

There a hidden pair is found too easily by counting: the session that it comes from left its other pairs in the graph (ADR 7).
"""
FEWEST = 20
PARAMETERS = {
    "objective": "lambdarank",
    "num_leaves": 15,
    "learning_rate": 0.15,
    "min_data_in_leaf": 20,
    "feature_fraction": 0.8,
    "verbose": -1,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,  # two that wait for each other in every leaf cost tenfold where the other core is busy
}
ROUNDS = 100
PASSING = 0.001
"""Share of random items that may reach the threshold of a task: what an answer is sure of stands out from as many."""
SHARES = (0.0, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0)
"""Shares of the vectors in the score, least first: 0 is the trees alone, 1 the vectors alone."""
LOGITS = 20.0
"""Logits that a cosine of 1 stands for beside those of the trees."""


@dataclass(frozen=True, slots=True)
class Blend:
    """What the trees' score t and the vectors' score v become: sigmoid(slope ((1 - share) unit t + share LOGITS v) + intercept)."""

    share: float = 0.0
    unit: float = 1.0
    """Logits that 1 of the trees' score stands for: trees that learn an order have no scale of their own."""
    slope: float = 1.0
    intercept: float = 0.0
    threshold: float = 1.0
    """Least score that is sure."""

    def mix(self, trees: Floats, neural: Floats) -> Floats:
        """Return the scores before they are made probabilities, in any shape."""
        return np.asarray((1 - self.share) * self.unit * trees + self.share * LOGITS * neural, dtype=np.float32)

    def score(self, trees: Floats, neural: Floats) -> Floats:
        """Return probabilities, in the shape of ``trees``."""
        return np.asarray(1 / (1 + np.exp(-(self.slope * self.mix(trees, neural) + self.intercept))), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Reranker:
    """Trees over ``COLUMNS``, and how they go with the vectors."""

    booster: lightgbm.Booster
    blend: Blend

    def score(self, features: Floats) -> Floats:
        """Return probabilities (B, C) of features (B, C, len(COLUMNS))."""
        return self.blend.score(tree_scores(self.booster, features), features[..., 0])

    def text(self) -> str:
        """Return the trees as LightGBM's own text: what a file holds."""
        return str(self.booster.model_to_string())


def load_reranker(path: Path, blend: Blend) -> Reranker:
    """Load what ``text`` gave. Raises ``ModelInvalid`` where the file's columns are not ours."""
    booster = lightgbm.Booster(model_file=str(path))
    if booster.num_feature() != len(COLUMNS):
        raise ModelInvalid(f"{path} reads {booster.num_feature()} columns, not {len(COLUMNS)}", "train MMSC again")
    return Reranker(booster, blend)


def tree_scores(booster: lightgbm.Booster, features: Floats) -> Floats:
    """Return the trees' scores (B, C) of features (B, C, len(COLUMNS))."""
    flat = features.reshape(-1, features.shape[-1])
    return np.asarray(booster.predict(flat, raw_score=True, num_threads=2), dtype=np.float32).reshape(features.shape[:2])


def fit_reranker(lesson: Lesson) -> Reranker | None:
    """Return trees learned on the hidden pairs of the lesson's task; None where they are fewer than ``FEWEST``.

    The blend is chosen on half of the pairs, those of it that met more than once, with trees that saw the other half only; then the
    trees learn on all.
    """
    hidden, seed = lesson.hidden, lesson.recipe.seed
    if len(hidden) < FEWEST:
        return None
    rng = np.random.default_rng(seed)
    seen = halve(hidden, lesson.vectors.size, rng)
    chosen_on = lesson.examples(some(met_again(hidden, np.flatnonzero(~seen)), CHOICE_PAIRS, rng), CHOICE_NEGATIVES, rng)
    examples = lesson.examples(np.arange(len(hidden)), NEGATIVES, rng)
    counted = bool((hidden.counts > 1).any())
    blend = choose_blend(grow(examples, seen, seed), chosen_on, CONCEDED if counted else 0.0)
    return Reranker(grow(examples, np.ones_like(seen), seed), blend)


def some(at: Ints, count: int, rng: np.random.Generator) -> Ints:
    """Return at most ``count`` of the positions."""
    return rng.permutation(at)[:count]


def met_again(pairs: Pairs, at: Ints) -> Ints:
    """Return those of the positions ``at`` whose pairs met more than once: one meeting is mostly chance, and what foretells chance best is no better.

    All of them where those are fewer than ``FEWEST_CHOICE``, as among declared edges, which nobody counted.
    """
    again = pairs.counts[at] > 1
    return at[again] if again.sum() >= FEWEST_CHOICE else at


def halve(pairs: Pairs, num_items: int, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Return which pairs (P,) are in the first half; both directions of a pair stay together."""
    keys, of = np.unique(unordered_keys(pairs, num_items), return_inverse=True)
    return np.asarray((rng.permutation(len(keys)) % 2 == 0)[of])


def grow(examples: Examples, rows: npt.NDArray[np.bool_], seed: int) -> lightgbm.Booster:
    """Return trees grown on the ``rows`` (B,) of the examples; a candidate weighs what its pair does."""
    valid = examples.valid[rows]
    labels = np.zeros(valid.shape, dtype=np.int64)
    labels[:, 0] = 1
    weights = np.broadcast_to(examples.weights[rows][:, None], valid.shape)
    data = lightgbm.Dataset(examples.features[rows][valid], labels[valid], weight=weights[valid], group=valid.sum(1), feature_name=list(COLUMNS))
    return lightgbm.train({**PARAMETERS, "seed": seed}, data, ROUNDS)


def choose_blend(booster: lightgbm.Booster, examples: Examples, conceded: float) -> Blend:
    """Return the greatest share of the vectors that keeps ``1 - conceded`` of the best share's weighted NDCG@10, calibrated.

    The threshold lets ``PASSING`` of the random items through.
    """
    trees, neural = tree_scores(booster, examples.features), examples.features[..., 0]
    unit, _ = fit_logits(trees, examples)
    gained = [_gains(Blend(share, unit).mix(trees, neural), examples.valid) for share in SHARES]
    means = np.array([np.average(g, weights=examples.weights) for g in gained])
    share = SHARES[int(np.flatnonzero(means >= (1 - conceded) * means.max())[-1])]
    blend = calibrate(Blend(share, unit), trees, neural, examples)
    others = blend.score(trees, neural)[:, 1:][examples.valid[:, 1:]]
    return replace(blend, threshold=float(np.quantile(others, 1 - PASSING)))


def _gains(scores: Floats, valid: npt.NDArray[np.bool_]) -> Floats:
    """Return NDCG@10 (B,) of the true candidate, the first."""
    others = scores[:, 1:]
    ahead = ((others > scores[:, :1]) & valid[:, 1:]).sum(1) + ((others == scores[:, :1]) & valid[:, 1:]).sum(1) / 2
    return np.asarray(np.where(ahead < 10, 1 / np.log2(ahead + 2), 0.0), dtype=np.float32)


def calibrate(blend: Blend, trees: Floats, neural: Floats, examples: Examples) -> Blend:
    """Return the blend whose scores are probabilities, at even odds instead of the 1 : C of the examples.

    At even odds a score says how much likelier a pair is than a random one, as an edge's weight does, so the two go together: at
    the odds of the examples, a pair without an edge could never pass one with an edge of the least weight.
    """
    slope, intercept = fit_logits(blend.mix(trees, neural), examples)
    others = examples.valid[:, 1:].sum(1)
    odds = float((examples.weights * others).sum() / examples.weights.sum())
    return replace(blend, slope=slope, intercept=intercept + math.log(max(1.0, odds)))


def fit_logits(scores: Floats, examples: Examples) -> tuple[float, float]:
    """Return slope and intercept by which ``scores`` (B, C) become logits of a candidate's being the true one (Platt)."""
    labels = np.zeros(examples.valid.shape, dtype=np.int64)
    labels[:, 0] = 1
    weights = np.broadcast_to(examples.weights[:, None], labels.shape)[examples.valid]
    fitted = LogisticRegression(C=np.inf).fit(scores[examples.valid][:, None], labels[examples.valid], sample_weight=weights)
    return max(1e-3, float(fitted.coef_[0, 0])), float(fitted.intercept_[0])
