"""What a re-ranker learns from: hidden pairs against random items, with features that come from the kept pairs only."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.dataset import Floats, Ints, Pairs
from training.mmsc.heuristics import NAMES, PairFeatures
from training.mmsc.pairs import Adjacency
from training.mmsc.stored import StoredVectors

COLUMNS = ("neural", "content", "text", "image", *NAMES)
COLD_SHARE = 0.1
"""Share of hidden pairs whose source is shown as if it were cold."""


@dataclass(frozen=True, slots=True)
class Examples:
    """B hidden pairs: ``features`` (B, C, len(COLUMNS)) of candidates, the true one first; ``valid`` (B, C) marks those that count."""

    features: Floats
    valid: npt.NDArray[np.bool_]
    weights: Floats
    """(B,) how sure it is that the pair is one, mean 1: most observed pairs of small weight are noise."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """The hidden pairs of a task. ``cold`` are the same vectors with every item's behaviour lent by others, as if all were cold."""

    kind: str
    hidden: Pairs
    known: tuple[Adjacency, ...]
    heuristics: PairFeatures
    vectors: StoredVectors
    cold: StoredVectors
    weighted: bool = True

    def examples(self, pairs: Pairs, negatives: int, rng: np.random.Generator) -> Examples:
        """Return ``pairs``, each with ``negatives`` uniform items; one that is known to be related is not valid."""
        step = self.heuristics.block
        starts = range(0, len(pairs), step)
        blocks = [self._block(pairs.where(_window(len(pairs), at, at + step)), negatives, rng) for at in starts]
        features, valid = (np.concatenate(part) for part in zip(*blocks, strict=True))
        weights = pairs.weights if self.weighted else np.ones(len(pairs), dtype=np.float32)
        return Examples(features, valid, weights / max(1e-9, float(weights.mean())))

    def _block(self, part: Pairs, negatives: int, rng: np.random.Generator) -> tuple[Floats, npt.NDArray[np.bool_]]:
        candidates = np.concatenate([part.dst[:, None], rng.integers(0, self.vectors.size, (len(part), negatives))], axis=1)
        cold = rng.random(len(part)) < COLD_SHARE
        similar = np.where(cold[:, None, None], *(v.cosines(self.kind, part.src, candidates) for v in (self.cold, self.vectors)))
        features = np.concatenate([similar, self.heuristics.rows(self.kind, part.src, candidates, cold)], axis=-1)
        return features, self._valid(part.src, candidates)

    def _valid(self, src: Ints, candidates: Ints) -> npt.NDArray[np.bool_]:
        related = np.logical_or.reduce([known.joined(self.kind, src[:, None], candidates) for known in self.known])
        related[:, 0] = False
        return np.asarray(~related)


def _window(size: int, start: int, end: int) -> npt.NDArray[np.bool_]:
    at = np.arange(size)
    return np.asarray((at >= start) & (at < end))


def pair_columns(vectors: StoredVectors, heuristics: PairFeatures, kind: str, src: Ints, candidates: Ints) -> Floats:
    """Return (B, C, len(COLUMNS)); B at most ``heuristics.block``."""
    return np.concatenate([vectors.cosines(kind, src, candidates), heuristics.rows(kind, src, candidates)], axis=-1)
