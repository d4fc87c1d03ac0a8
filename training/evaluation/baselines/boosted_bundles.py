"""A LightGBM re-ranker over the candidates of simple channels, fitted on the validation bundles, which no model trains on."""

from collections.abc import Sequence
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np

from goeswith.progress import progress
from training.dataset import Floats, Ints, TrainingSet
from training.evaluation.baselines.boosted_relations import new_ranker
from training.evaluation.baselines.content import brands, categories, content, price_distance, tfidf, title_words
from training.evaluation.baselines.simple import adamic_adar
from training.evaluation.cases import BundleCases
from training.evaluation.graph import KINDS, counted, item_degrees
from training.evaluation.similarity import Edges, Similarity, SparseDot

CANDIDATES = 100
"""Best items of each channel that the trees re-rank."""
NEGATIVES = 60
MIN_CASES = 50
BELOW = np.float32(-1e3)
"""Where items outside the candidates stand: under every candidate, in the order of the first channel."""


class BundleFeatures:
    """Mean and highest similarity to the given items in each channel, degree, and closeness in price."""

    def __init__(self, training: TrainingSet) -> None:
        size, items = len(training.items), training.items
        words = [SparseDot.of(matrix) for matrix in (title_words(items), tfidf(items.texts())) if matrix is not None]
        shared = [adamic_adar(training, kind) for kind in KINDS]
        self.channels: list[Similarity] = [content(items), *words, Edges(counted(training.pairs, "complement", size)), *shared]
        self._labels: list[Similarity] = [SparseDot.of(categories(items)), SparseDot.of(brands(items))]
        self._degree = item_degrees(training.pairs, items)
        self._prices = items.prices

    def of(self, given: Sequence[int]) -> Floats:
        """Return (N, F) features of every item as completion of ``given``."""
        near = [similarity.rows(np.array(given, dtype=np.int64)) for similarity in (*self.channels, *self._labels)]
        prices = np.stack([price_distance(self._prices, item) for item in given])
        columns = [part for rows in near for part in (rows.mean(axis=0), rows.max(axis=0))]
        return np.stack([*columns, self._degree, prices.mean(axis=0)], axis=1).astype(np.float32)

    def candidates(self, features: Floats, given: Sequence[int]) -> Ints:
        """Return the best items of each channel's mean, less the given ones."""
        means = features[:, : 2 * len(self.channels) : 2].copy()
        means[list(given)] = -np.inf
        k = min(CANDIDATES, len(means))
        best = np.argpartition(-means, k - 1, axis=0)[:k]
        chosen = np.unique(best[np.take_along_axis(means, best, axis=0) > 0])
        return chosen.astype(np.int64)


@dataclass(frozen=True, slots=True)
class BoostedBundles:
    """Implements ``BundleScorer``."""

    name: str
    features: BundleFeatures
    ranker: lgb.LGBMRanker

    def score(self, given: Sequence[int]) -> Floats:
        """Return (N,): the trees' scores of the candidates, all else below."""
        features = self.features.of(given)
        scores = BELOW + features[:, 0]
        chosen = self.features.candidates(features, given)
        if len(chosen):
            scores[chosen] = self.ranker.predict(features[chosen])
        return scores


def fit_boosted_bundles(training: TrainingSet, cases: BundleCases, *, seed: int = 0) -> BoostedBundles | None:
    """Fit on validation cases whose target is among the candidates; None where fewer than ``MIN_CASES`` are."""
    features = BundleFeatures(training)
    rng = np.random.default_rng(seed)
    rows, groups = [], []
    with progress("boosted bundles: features", len(cases), unit=" cases") as advance:
        for case in range(len(cases)):
            group = _group(features, cases.given(case), int(cases.target[case]), rng)
            advance(1, "")
            if group is not None:
                rows.append(group)
                groups.append(len(group))
    if len(groups) < MIN_CASES:
        return None
    labels = np.concatenate([np.eye(1, size, dtype=np.int64)[0] for size in groups])
    return BoostedBundles("boosted", features, new_ranker().fit(np.concatenate(rows), labels, group=groups))


def _group(features: BundleFeatures, given: list[int], target: int, rng: np.random.Generator) -> Floats | None:
    """Return the features of the target (first) and of random other candidates."""
    all_features = features.of(given)
    chosen = features.candidates(all_features, given)
    others = chosen[chosen != target]
    if len(others) == len(chosen) or not len(others):
        return None
    drawn = rng.choice(others, min(NEGATIVES, len(others)), replace=False)
    found: Floats = all_features[np.concatenate([[target], drawn])]
    return found
