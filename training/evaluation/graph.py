"""The training pairs as sparse matrices: all that a graph heuristic may know."""

import numpy as np
import scipy.sparse as sp

from training.dataset import Floats, Ints, Items, Pairs

KINDS = ("substitute", "complement")
HEAD_PERCENTILE = 80


def adjacency(src: Ints, dst: Ints, weights: Floats, size: int) -> sp.csr_matrix:
    """Return (N, N) directed weights; a pair that stands there twice counts once, with the larger weight."""
    order = np.lexsort((-weights, dst, src))
    src, dst, weights = src[order], dst[order], weights[order]
    first = np.ones(len(src), dtype=bool)
    first[1:] = (src[1:] != src[:-1]) | (dst[1:] != dst[:-1])
    return sp.csr_matrix((weights[first], (src[first], dst[first])), (size, size), dtype=np.float32)


def counted(pairs: Pairs, kind: str, size: int) -> sp.csr_matrix:
    """Return how often the ends of each pair of a type met, directed as the pairs are."""
    chosen = pairs.of_type(kind)
    return adjacency(chosen.src, chosen.dst, chosen.counts.astype(np.float32), size)


def undirected(matrix: sp.csr_matrix) -> sp.csr_matrix:
    """Return the 0/1 matrix of pairs that are joined in either direction."""
    joined = (matrix + matrix.T).tocsr()
    joined.eliminate_zeros()
    joined.data = np.ones_like(joined.data, dtype=np.float32)
    return joined


def degrees(matrix: sp.csr_matrix) -> Floats:
    """Return the sum of each row, (N,)."""
    found: Floats = np.asarray(matrix.sum(axis=1), dtype=np.float32).ravel()
    return found


def without(pairs: Pairs, src: Ints, dst: Ints, size: int) -> Pairs:
    """Return the pairs of both types less those that join ``src`` and ``dst`` (P,) in either direction."""
    gone = np.concatenate([src * size + dst, dst * size + src])
    return pairs.where(~np.isin(pairs.src * size + pairs.dst, gone))


def head_degree(degree: Floats) -> float:
    """Return the degree from which an item is one of the head; infinite where no item has an edge."""
    return float(np.percentile(degree[degree > 0], HEAD_PERCENTILE)) if (degree > 0).any() else np.inf


def item_degrees(pairs: Pairs, items: Items) -> Floats:
    """Return in how many training pairs each item stands, (N,)."""
    ends = np.concatenate([pairs.src, pairs.dst])
    return np.bincount(ends, minlength=len(items)).astype(np.float32)
