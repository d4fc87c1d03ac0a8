"""Which pairs to keep, given a score for each (CIRP, relation pruning: the two rules)."""

import math

import numpy as np

from training.dataset import Bools, Floats, Ints


def keep_global(scores: Floats, rate: float) -> Bools:
    """Return (P,) what stays when the lowest ``floor(rate * P)`` scores are dropped; equal scores fall in their order."""
    keep = np.ones(len(scores), dtype=np.bool_)
    keep[np.argsort(scores, kind="stable")[: math.floor(rate * len(scores))]] = False
    return keep


def keep_by_degree(src: Ints, dst: Ints, scores: Floats, rate: float, seed: int) -> Bools:
    """Return (P,) what stays when each node may lose ``floor(degree * rate) + Bernoulli(rest)`` of its lowest edges.

    An edge has two ends, and is dropped only while both may still lose one: so no node loses more than its share. Lowest first.
    """
    nodes, ends = np.unique(np.concatenate([src, dst]), return_inverse=True)
    share = np.bincount(ends, minlength=len(nodes)) * rate
    luck = np.random.default_rng(seed).random(len(nodes))
    left = (np.floor(share) + (luck < share % 1)).astype(np.int64).tolist()
    a, b = ends[: len(src)].tolist(), ends[len(src) :].tolist()
    keep = np.ones(len(src), dtype=np.bool_)
    for edge in np.argsort(scores, kind="stable").tolist():
        if left[a[edge]] > 0 and left[b[edge]] > 0:
            left[a[edge]] -= 1
            left[b[edge]] -= 1
            keep[edge] = False
    return keep
