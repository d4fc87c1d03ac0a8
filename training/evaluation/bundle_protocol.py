"""Bundle completion: leave one out, candidates the whole catalogue less the given items (models.md section 3)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from goeswith.progress import progress
from training.bundle_cases import BundleCases
from training.dataset import Bools, Floats, Times, TrainingSet, variant_groups
from training.evaluation.graph import head_degree, item_degrees
from training.evaluation.metrics import Values, mean_rank
from training.scorers import BundleScorer


@dataclass(frozen=True, slots=True)
class BundleRanks:
    """The rank of each case's target, (M,): among all items, and with the given items' variants masked."""

    all: Values
    no_variants: Values


def rank_bundles(scorer: BundleScorer, cases: BundleCases, training: TrainingSet, known_at: Times) -> BundleRanks:
    """Return the ranks that a scorer reaches. ``known_at`` (N,) masks what was not in the catalogue when the bundle was made."""
    variants = variant_groups(training.items)
    ranks = np.empty((len(cases), 2))
    with threadpool_limits(limits=1), progress(f"bundles: {scorer.name}", len(cases), unit=" cases") as advance:
        for case in range(len(cases)):
            scores = _masked(scorer.score(cases.given(case)), cases, case, known_at)
            target = int(cases.target[case])
            ranks[case, 0] = mean_rank(scores, target)
            siblings = np.isin(variants, variants[cases.given(case)])
            siblings[target] = False
            ranks[case, 1] = mean_rank(np.where(siblings, -np.inf, scores).astype(np.float32), target)
            advance(1, "")
    return BundleRanks(ranks[:, 0], ranks[:, 1])


def _masked(scores: Floats, cases: BundleCases, case: int, known_at: Times) -> Floats:
    """Mask the given items, and what came later; the target itself was sold, so it was known."""
    scores = np.array(scores, dtype=np.float32)
    own = scores[cases.target[case]]
    scores[known_at > cases.times[cases.unit[case]]] = -np.inf
    scores[cases.target[case]] = own
    scores[cases.given(case)] = -np.inf
    return scores


def bundle_slices(cases: BundleCases, training: TrainingSet) -> Mapping[str, Bools]:
    """Return which cases (M,) belong to each slice; slices without a case are left out."""
    degrees = item_degrees(training.pairs, training.items)
    degree, head = degrees[cases.target], head_degree(degrees)
    image = np.array([training.items.images[i] is not None for i in cases.target])
    slices = {
        "all": np.ones(len(cases), dtype=bool),
        "cold": degree == 0,
        "head": degree >= head,
        "tail": (degree > 0) & (degree < head),
        "with_image": image,
        "no_variants": ~_shares_variant(cases, training),
        "unseen_pairs": ~_seen_pair(cases, training),
    }
    return {name: mask for name, mask in slices.items() if mask.any()}


def _shares_variant(cases: BundleCases, training: TrainingSet) -> Bools:
    groups = variant_groups(training.items)
    return np.fromiter((groups[t] in groups[given] for t, given in _each(cases)), dtype=bool, count=len(cases))


def _seen_pair(cases: BundleCases, training: TrainingSet) -> Bools:
    pairs = training.pairs
    size = len(training.items)
    seen = set((np.concatenate([pairs.src * size + pairs.dst, pairs.dst * size + pairs.src])).tolist())
    return np.fromiter((any(g * size + t in seen for g in given) for t, given in _each(cases)), dtype=bool, count=len(cases))


def _each(cases: BundleCases) -> Iterator[tuple[int, list[int]]]:
    return ((int(cases.target[case]), cases.given(case)) for case in range(len(cases)))
