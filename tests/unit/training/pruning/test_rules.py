"""The two pruning rules."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from training.pruning.rules import keep_by_degree, keep_global

SEEDS = st.integers(0, 2**32 - 1)
RATES = st.floats(0, 1)


def graph(seed: int, nodes: int = 12, edges: int = 40) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    src = rng.integers(nodes, size=edges)
    return src, (src + 1 + rng.integers(nodes - 1, size=edges)) % nodes, rng.random(edges).astype(np.float32)


@given(SEEDS, RATES)
def test_the_global_rule_drops_exactly_the_lowest_share(seed: int, rate: float) -> None:
    scores = graph(seed)[2]
    keep = keep_global(scores, rate)
    assert (~keep).sum() == int(rate * len(scores))
    assert not keep.any() or keep.all() or scores[~keep].max() <= scores[keep].min()


@given(SEEDS, RATES)
def test_no_node_loses_more_than_its_share_and_one(seed: int, rate: float) -> None:
    src, dst, scores = graph(seed)
    keep = keep_by_degree(src, dst, scores, rate, seed=1)
    ends = np.concatenate([src, dst])
    degree, left = np.bincount(ends, minlength=12), np.bincount(ends[np.tile(keep, 2)], minlength=12)
    assert (degree - left <= np.floor(degree * rate) + 1).all()


def test_the_degree_rule_drops_the_lowest_first_and_about_the_rate() -> None:
    src, dst, scores = graph(0, nodes=50, edges=4000)
    keep = keep_by_degree(src, dst, scores, 0.4, seed=1)
    assert 0.35 < 1 - keep.mean() <= 0.42
    assert scores[~keep].mean() < scores[keep].mean() - 0.3


def test_a_star_keeps_its_leaves_under_the_degree_rule_but_not_under_the_global_one() -> None:
    src, dst = np.zeros(10, np.int64), np.arange(1, 11)
    dense_src, dense_dst = np.triu_indices(12, 1)
    scores = np.concatenate([np.zeros(10), np.ones(66)]).astype(np.float32)
    s, d = np.concatenate([src, dense_src + 20]), np.concatenate([dst, dense_dst + 20])
    assert not keep_global(scores, 10 / 76)[:10].any()
    assert keep_by_degree(s, d, scores, 10 / 76, seed=0)[:10].sum() >= 8


def test_rate_zero_keeps_and_rate_one_drops_everything() -> None:
    src, dst, scores = graph(3)
    assert keep_by_degree(src, dst, scores, 0.0, seed=0).all()
    assert not keep_by_degree(src, dst, scores, 1.0, seed=0).any()
    assert not keep_global(scores, 1.0).any()
