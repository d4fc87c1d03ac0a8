"""Ranks and what is counted from them. Ranks are 0-based; equal scores share the mean of the places that they take."""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from training.dataset import Bools, Floats

Values = npt.NDArray[np.float64]


def mean_rank(scores: Floats, target: int) -> float:
    """Return the rank of position ``target`` in ``scores`` (N,); what is masked stands at -inf.

    A constant scorer so gets the middle of the list and not its top (models.md section 3, ties at their mean rank).
    """
    own = scores[target]
    return float(np.count_nonzero(scores > own) + (np.count_nonzero(scores == own) - 1) / 2)


def mean_ranks(scores: Floats, valid: Bools) -> Values:
    """Return the rank of column 0 among the ``valid`` columns, for each row of ``scores`` (B, C)."""
    own = scores[:, :1]
    ahead = ((scores > own) & valid).sum(axis=1)
    level = ((scores == own) & valid).sum(axis=1) - 1
    ranks: Values = ahead + level / 2
    return ranks


def hits(ranks: Values, k: int) -> Values:
    """Return 1 where the rank is among the first k: Recall@k and HR@k of one true item."""
    return (ranks < k).astype(np.float64)


def gains(ranks: Values, k: int) -> Values:
    """Return NDCG@k of one true item: 1 / log2(rank + 2) within the first k."""
    return np.where(ranks < k, 1 / np.log2(ranks + 2), 0.0)


def reciprocals(ranks: Values, k: int) -> Values:
    """Return MRR@k of one true item: 1 / (rank + 1) within the first k."""
    return np.where(ranks < k, 1 / (ranks + 1), 0.0)


Metric = Callable[[Values], Values]


def _at(measure: Callable[[Values, int], Values], k: int) -> Metric:
    return lambda ranks: measure(ranks, k)


BUNDLE_METRICS: Mapping[str, Metric] = {
    **{f"recall@{k}": _at(hits, k) for k in (10, 20, 40)},
    **{f"ndcg@{k}": _at(gains, k) for k in (10, 20, 40, 80)},
}
"""Metric name -> value of each case's rank, for bundle completion."""

RELATION_METRICS: Mapping[str, Metric] = {"hr@10": _at(hits, 10), "mrr@10": _at(reciprocals, 10), "ndcg@10": _at(gains, 10)}
"""Metric name -> value of each case's rank, for substitutes and complements."""
