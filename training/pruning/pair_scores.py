"""Closed-form scores of pairs, beside LightGCN: a spectral one that needs no training, and two controls (models.md section 1, Pruning)."""

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import eigsh

from training.dataset import Floats, Ints

CHUNK = 1_000_000


def spectral_scores(src: Ints, dst: Ints, num_nodes: int, *, dim: int, seed: int) -> Floats:
    """Return (P,) what an ideal low-pass filter of the graph says of each pair: the cosine of both over the ``dim`` smoothest directions.

    They are the leading eigenvectors of D^-1/2 A D^-1/2 (GF-CF, Shen et al., "How Powerful is Graph Convolution for Recommendation?", CIKM 2021,
    arXiv 2108.07567, section 4). Memory: the edges, and ``dim`` numbers a node. Without the cosine, hubs and rare items are not comparable.
    """
    adjacency = _normalised(src, dst, num_nodes)
    size = min(dim, num_nodes - 1)
    if size < 1:
        return np.ones(len(src), dtype=np.float32)
    start = np.random.default_rng(seed).standard_normal(num_nodes)
    _, directions = eigsh(adjacency, k=size, which="LA", v0=start)
    lengths = np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    return _dots((directions / lengths).astype(np.float32), src, dst)


def degree_scores(src: Ints, dst: Ints, num_nodes: int) -> Floats:
    """Return (P,) 1 / sqrt(d_src d_dst): what hubs have in common says least (a control)."""
    degrees = np.bincount(np.concatenate([src, dst]), minlength=num_nodes)
    found: Floats = (1 / np.sqrt(degrees[src].astype(np.float64) * degrees[dst])).astype(np.float32)
    return found


def random_scores(count: int, *, seed: int) -> Floats:
    """Return (P,) numbers that say nothing (a control)."""
    return np.random.default_rng(seed).random(count, dtype=np.float32)


def _normalised(src: Ints, dst: Ints, num_nodes: int) -> sp.csr_matrix:
    """Return D^-1/2 A D^-1/2 (N, N) of the undirected graph without multiplicities."""
    once = np.unique(np.sort(np.stack([src, dst], axis=1), axis=1), axis=0)
    ends, others = np.concatenate([once, once[:, ::-1]]).T
    degrees = np.bincount(ends, minlength=num_nodes).astype(np.float32)
    values = 1 / np.sqrt(degrees[ends] * degrees[others])
    return sp.csr_matrix((values, (ends, others)), shape=(num_nodes, num_nodes))


def _dots(rows: Floats, src: Ints, dst: Ints) -> Floats:
    parts = [(rows[src[at : at + CHUNK]] * rows[dst[at : at + CHUNK]]).sum(axis=1) for at in range(0, len(src), CHUNK)]
    return np.concatenate(parts) if parts else np.empty(0, np.float32)
