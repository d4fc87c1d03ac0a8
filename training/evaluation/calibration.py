"""Whether MMSC's scores are the probabilities that they say, and what its threshold lets through."""

from collections.abc import Iterator

import numpy as np

from goeswith.results import Figure
from training.dataset import Floats
from training.evaluation.relation_protocol import draw_candidates
from training.evaluation.relation_suites import Suite
from training.evaluation.tables import CALIBRATION
from training.judge.reliability import calibration_error
from training.mmsc.scorer import MmscScorer

RANDOM = 100
"""Non-neighbours a query: a thousand queries tell a thousandth to a tenth of it."""


def calibration_figures(scorer: MmscScorer, suite: Suite, data: str, seed: int) -> Iterator[Figure]:
    """Yield ``ece`` at even odds (each true item beside one random non-neighbour), and which share of either the threshold lets through.

    Nothing where the task has no threshold, or the suite no random items.
    """
    threshold = scorer.threshold(suite.cases.kind)
    if threshold is None or suite.negatives is None or suite.direction:
        return
    true, random, one = sampled_scores(scorer, suite, seed)
    chances, labels = np.concatenate([true[one >= 0], one[one >= 0]]), np.repeat([1, 0], int((one >= 0).sum()))
    values = {
        "ece": calibration_error(np.stack([1 - chances, chances], axis=1), labels),
        "sure_true": float((true >= threshold).mean()),
        "sure_random": float((random >= threshold).mean()),
    }
    for metric, value in values.items():
        name = f"{suite.cases.kind}s {suite.slice}"
        yield Figure(task=CALIBRATION, data=data, slice=name, model=scorer.name, metric=metric, value=value, n=len(true), seed=seed)


def sampled_scores(scorer: MmscScorer, suite: Suite, seed: int) -> tuple[Floats, Floats, Floats]:
    """Return the score (M,) of each true item, those of ``RANDOM`` non-neighbours a query (R,), and one of the query's own (M,), -1 for none."""
    true, random, one = [], [], []
    for block in draw_candidates(suite.cases, negatives=RANDOM, seed=seed):
        scores, valid = scorer.score(suite.cases.kind, block.src, block.candidates), block.valid[:, 1:]
        true.append(scores[:, 0])
        random.append(scores[:, 1:][valid])
        first = valid.argmax(1)
        one.append(np.where(valid.any(1), scores[np.arange(len(scores)), 1 + first], -1.0))
    return np.concatenate(true), np.concatenate(random), np.concatenate(one)
