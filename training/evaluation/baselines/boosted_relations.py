"""LightGBM LambdaMART over thirteen simple features of a pair (models.md section 3), fitted on hidden training edges."""

from collections.abc import Iterator
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from training.dataset import Floats, Ints, Pairs, TrainingSet
from training.evaluation.baselines.content import brands, categories
from training.evaluation.graph import KINDS, counted, degrees, undirected, without
from training.evaluation.similarity import CommonNeighbours, Edges, Similarity, SparseDot

HIDDEN = 0.15
MAX_EDGES = 6_000
NEGATIVES = 60
BLOCK = 64


class PairFeatures:
    """Features of pairs: Adamic-Adar within each relation and across both, the other relation's edge, content, degrees."""

    def __init__(self, training: TrainingSet, kind: str, own: Pairs, other: Pairs) -> None:
        size = len(training.items)
        self._own = undirected(counted(own, kind, size))
        self._other = undirected(counted(other, _other(kind), size))
        self._degrees = (degrees(self._own), degrees(self._other))
        self._similarities = (*self._paths(), Edges(self._other), SparseDot.of(categories(training.items)), SparseDot.of(brands(training.items)))

    def _paths(self) -> Iterator[Similarity]:
        own, other = self._degrees
        yield CommonNeighbours.of(self._own, self._own, own)
        yield CommonNeighbours.of(self._other, self._other, other)
        yield CommonNeighbours.of(self._own, self._other, own)
        yield CommonNeighbours.of(self._other, self._own, other)

    def of(self, src: Ints, candidates: Ints) -> Floats:
        """Return (B, C, 13) features."""
        near = [np.take_along_axis(similarity.rows(src), candidates, axis=1) for similarity in self._similarities]
        ends = [(degree[src][:, None], degree[candidates]) for degree in self._degrees]
        counts = [np.broadcast_to(end, candidates.shape) for pair in ends for end in pair]
        relative = [near[k] / np.sqrt((a + 1) * (b + 1)) for k, (a, b) in enumerate(ends)]
        return np.stack([*near, *counts, *relative], axis=-1).astype(np.float32)


def _other(kind: str) -> str:
    return KINDS[1 - KINDS.index(kind)]


@dataclass(frozen=True, slots=True)
class BoostedRelations:
    """Implements ``RelationScorer``; a type without training edges is left out of ``rankers``."""

    name: str
    features: dict[str, PairFeatures]
    rankers: dict[str, lgb.LGBMRanker]

    def score(self, kind: str, src: Ints, candidates: Ints) -> Floats:
        """Return (B, C) scores of the fitted trees."""
        features = self.features[kind].of(src, candidates)
        found = np.asarray(self.rankers[kind].booster_.predict(features.reshape(-1, features.shape[-1]), num_threads=2), dtype=np.float32)
        return found.reshape(candidates.shape)


def fit_boosted_relations(training: TrainingSet, *, kinds: tuple[str, ...], strict: bool, seed: int = 0) -> BoostedRelations:
    """Fit one ranker a type on hidden training edges; ``strict`` hides them from both relations, else from their own alone."""
    features, rankers = {}, {}
    for kind in kinds:
        features[kind] = PairFeatures(training, kind, training.pairs, training.pairs)
        rankers[kind] = _fit(training, kind, strict, np.random.default_rng(seed))
    return BoostedRelations("boosted", features, rankers)


def _fit(training: TrainingSet, kind: str, strict: bool, rng: np.random.Generator) -> lgb.LGBMRanker:
    hidden = hidden_edges(training, kind, rng)
    src, dst = hidden.src, hidden.dst
    size = len(training.items)
    rest = without(training.pairs, src, dst, size)
    features = PairFeatures(training, kind, rest, rest if strict else training.pairs)
    chosen = rng.permutation(len(src))[:MAX_EDGES]
    candidates, known = _negatives(training, kind, src[chosen], dst[chosen], rng)
    x = np.concatenate([features.of(src[chosen[i : i + BLOCK]], candidates[i : i + BLOCK]) for i in range(0, len(chosen), BLOCK)])
    labels = np.zeros(candidates.shape, dtype=np.int64)
    labels[:, 0] = 1
    ranker = lgb.LGBMRanker(n_estimators=100, num_leaves=15, learning_rate=0.15, n_jobs=1, verbose=-1, deterministic=True, force_row_wise=True)
    weights = np.broadcast_to(hidden.weights[chosen][:, None], candidates.shape)[known]
    return ranker.fit(x[known], labels[known], group=known.sum(axis=1), sample_weight=weights)


def hidden_edges(training: TrainingSet, kind: str, rng: np.random.Generator) -> Pairs:
    """Return a random share of the training edges of a type, each undirected pair once, in a direction that it has."""
    pairs, size = training.pairs.of_type(kind), len(training.items)
    low, high = np.minimum(pairs.src, pairs.dst), np.maximum(pairs.src, pairs.dst)
    order = rng.permutation(len(pairs))
    _, first = np.unique((low * size + high)[order], return_index=True)
    once = order[np.sort(first)]
    hidden = once[: max(1, int(len(once) * HIDDEN))]
    return pairs.take(hidden)


def _negatives(training: TrainingSet, kind: str, src: Ints, dst: Ints, rng: np.random.Generator) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """Return (P, 1 + NEGATIVES) candidates, the true one first, and which of them count."""
    size = len(training.items)
    neighbours: sp.csr_matrix = undirected(counted(training.pairs, kind, size))
    drawn = rng.integers(0, size, (len(src), NEGATIVES))
    joined = np.asarray(neighbours[np.repeat(src, NEGATIVES), drawn.ravel()]).reshape(drawn.shape) > 0
    known = ~joined & (drawn != src[:, None])
    return np.hstack([dst[:, None], drawn]), np.hstack([np.ones((len(src), 1), dtype=bool), known])
