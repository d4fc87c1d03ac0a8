"""A few test cases with every contender's answer: what the report shows beside the averages."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.bundle_cases import BundleCases
from training.dataset import Floats, TrainingSet
from training.evaluation.cases import RelationCases
from training.evaluation.metrics import mean_rank
from training.scorers import BundleScorer, RelationScorer

CASES = 8
TOP = 5


@dataclass(frozen=True, slots=True)
class Sample:
    """One case: the query items, the true answer, where a model put it (0-based) and the model's best items."""

    task: str
    query: tuple[str, ...]
    target: str
    model: str
    rank: float
    best: tuple[str, ...]


def bundle_samples(scorers: Sequence[BundleScorer], cases: BundleCases, training: TrainingSet) -> list[Sample]:
    """Return every scorer's answer to cases spread evenly over the test set."""
    found = []
    for case in spread(len(cases)):
        given, target = cases.given(case), int(cases.target[case])
        found += [_sample("bundle", scorer.name, given, target, scorer.score(given), training) for scorer in scorers]
    return found


def relation_samples(scorers: Sequence[RelationScorer], cases: RelationCases, training: TrainingSet) -> list[Sample]:
    """Return every scorer's answer, from the whole catalogue, to queries spread evenly over the test set."""
    every = np.arange(len(training.items))[None, :]
    found = []
    for case in spread(len(cases)):
        src, dst = cases.src[case : case + 1], int(cases.dst[case])
        for scorer in scorers:
            scores = scorer.score(cases.kind, src, every)[0]
            found.append(_sample(f"{cases.kind}s", scorer.name, [int(src[0])], dst, scores, training))
    return found


def spread(count: int) -> list[int]:
    """Return at most ``CASES`` positions spread evenly over ``count``."""
    return sorted({int(i) for i in np.linspace(0, count - 1, min(CASES, count))}) if count else []


def _sample(task: str, model: str, given: list[int], target: int, scores: Floats, training: TrainingSet) -> Sample:
    scores = np.array(scores, dtype=np.float32)
    scores[given] = -np.inf
    ids = training.items.ids
    best = np.argsort(-scores, kind="stable")[:TOP]
    return Sample(task, tuple(ids[i] for i in given), ids[target], model, mean_rank(scores, target), tuple(ids[i] for i in best))
