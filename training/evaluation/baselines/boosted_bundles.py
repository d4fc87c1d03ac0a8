"""A LightGBM re-ranker over the candidates of simple channels, fitted on the validation bundles, which no model trains on."""

from collections.abc import Sequence
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import scipy.sparse as sp

from goeswith.progress import progress
from training.bundle_cases import BundleCases
from training.dataset import Floats, Ints, TrainingSet, log_prices, variant_groups
from training.evaluation.baselines.content import brands, content
from training.evaluation.baselines.simple import adamic_adar
from training.evaluation.graph import KINDS, counted
from training.evaluation.similarity import Edges, Similarity, SparseDot
from training.words import tfidf, title_words

CANDIDATES = 100
"""Best items of each channel that the trees re-rank."""
NEGATIVES = 100
MIN_CASES = 50
MAX_CASES = 1_500
BELOW = np.float32(-1e3)
"""Where items outside the candidates stand: under every candidate, in the order of the first channel."""


class BundleFeatures:
    """What is simple to know of a candidate and the given items; all of it from the training set.

    Popularity is no feature: on held-out baskets that come later than training it lowers H&M's Recall@20 from .158 to .129.
    """

    def __init__(self, training: TrainingSet) -> None:
        size, items = len(training.items), training.items
        words = [SparseDot.of(matrix) for matrix in (title_words(items), tfidf(items.texts())) if matrix is not None]
        shared = [adamic_adar(training, kind) for kind in KINDS]
        self._channels: list[Similarity] = [*words, content(items), Edges(counted(training.pairs, "complement", size)), *shared]
        self._brands = brands(items)
        self._prices = log_prices(items.prices)
        self._variants = variant_groups(items)
        self._leaf, self._affinity = category_affinity(training)

    def of(self, given: Sequence[int]) -> tuple[Ints, Floats, Floats]:
        """Return candidates (C,), their features (C, F), and the first channel's mean for all items (N,)."""
        src = np.array(given, dtype=np.int64)
        near = np.stack([channel.rows(src) for channel in self._channels])
        means = near.mean(axis=1)
        chosen = _best(means, src)
        pairs = np.stack([*near[:, :, chosen], *self._pairwise(src, chosen)])
        columns = np.concatenate([pairs.mean(axis=1), pairs.max(axis=1), pairs.min(axis=1)])
        return chosen, columns.T.astype(np.float32), means[0]

    def _pairwise(self, src: Ints, chosen: Ints) -> list[Floats]:
        """Return (G, C) features that need no search: brand, product, category affinity, difference in price."""
        same_brand = (self._brands[src] @ self._brands[chosen].T).toarray()
        siblings = (self._variants[src][:, None] == self._variants[chosen]).astype(np.float32)
        affinity = self._affinity[self._leaf[src][:, None], self._leaf[chosen]]
        return [same_brand, siblings, affinity, self._prices[chosen] - self._prices[src][:, None]]


def _best(means: Floats, src: Ints) -> Ints:
    """Return the items that stand among the best of a channel with more than nothing, less the given ones."""
    means = means.copy()
    means[:, src] = -np.inf
    k = min(CANDIDATES, means.shape[1])
    best = np.argpartition(-means, k - 1, axis=1)[:, :k]
    chosen: Ints = np.unique(best[np.take_along_axis(means, best, axis=1) > 0]).astype(np.int64)
    return chosen


def category_affinity(training: TrainingSet) -> tuple[Ints, Floats]:
    """Return the narrowest category of each item, (N,), and how much likelier than chance two categories meet, (L, L): smoothed log lift."""
    names = [path[-1] if path else "" for path in training.items.categories]
    _, leaf = np.unique(np.array(names, dtype=np.str_), return_inverse=True)
    pairs = training.pairs.of_type("complement")
    width = int(leaf.max()) + 1
    met = sp.coo_matrix((np.ones(len(pairs)), (leaf[pairs.src], leaf[pairs.dst])), (width, width)).toarray()
    chance = met.sum(axis=1, keepdims=True) * met.sum(axis=0, keepdims=True) / max(1.0, met.sum())
    return leaf.astype(np.int64), np.log((met + 1) / (chance + 1)).astype(np.float32)


@dataclass(frozen=True, slots=True)
class BoostedBundles:
    """Implements ``BundleScorer``."""

    name: str
    features: BundleFeatures
    ranker: lgb.LGBMRanker

    def score(self, given: Sequence[int]) -> Floats:
        """Return (N,): the trees' scores of the candidates, all else below."""
        chosen, features, first = self.features.of(given)
        scores = BELOW + first
        if len(chosen):
            scores[chosen] = self.ranker.booster_.predict(features, num_threads=1)
        return scores


def fit_boosted_bundles(training: TrainingSet, cases: BundleCases, *, seed: int = 0) -> BoostedBundles | None:
    """Fit on validation cases whose target is among the candidates; None where fewer than ``MIN_CASES`` are."""
    features = BundleFeatures(training)
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.permutation(len(cases))[:MAX_CASES])
    groups: list[Floats] = []
    with progress("boosted bundles: features", len(chosen), unit=" cases") as advance:
        for case in chosen:
            groups += _group(features, cases.given(case), int(cases.target[case]), rng)
            advance(1, "")
    return _fit(features, groups) if len(groups) >= MIN_CASES else None


def _group(features: BundleFeatures, given: list[int], target: int, rng: np.random.Generator) -> list[Floats]:
    """Return the features of the target (first) and of random other candidates; nothing where the target is no candidate."""
    candidates, columns, _ = features.of(given)
    others = np.flatnonzero(candidates != target)
    if len(others) == len(candidates) or not len(others):
        return []
    drawn = rng.choice(others, min(NEGATIVES, len(others)), replace=False)
    return [columns[np.concatenate([np.flatnonzero(candidates == target), drawn])]]


def _fit(features: BundleFeatures, groups: list[Floats]) -> BoostedBundles:
    labels = np.concatenate([np.eye(1, len(group), dtype=np.int64)[0] for group in groups])
    ranker = lgb.LGBMRanker(
        n_estimators=60,
        num_leaves=7,
        learning_rate=0.05,
        min_child_samples=100,
        feature_fraction=0.6,
        random_state=0,
        n_jobs=1,
        verbose=-1,
        deterministic=True,
        force_row_wise=True,
    )
    return BoostedBundles("boosted", features, ranker.fit(np.concatenate(groups), labels, group=[len(group) for group in groups]))
