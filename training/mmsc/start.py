"""Where item features x start: the leading singular directions of the graph, so that few passes suffice ([D])."""

import numpy as np
import torch
from scipy import sparse
from sklearn.utils.extmath import randomized_svd
from torch import Tensor

from training.mmsc.graph import RelationGraph
from training.mmsc.recipe import KINDS

NOISE = 0.02


def start_features(graph: RelationGraph, width: int, seed: int) -> Tensor:
    """Return x (N, width): left singular vectors of the symmetrically normalised union of both relations, with a little noise.

    An item without edges starts as noise alone; a graph smaller than ``width`` fills the rest with noise.
    """
    rng = np.random.default_rng(seed)
    features = rng.normal(0.0, NOISE, (graph.num_items, width)).astype(np.float32)
    matrix = _normalised(graph)
    count = min(width, graph.num_items - 1)
    if matrix.nnz and count > 0:
        left, values, _ = randomized_svd(matrix, n_components=count, n_iter=4, random_state=seed)
        scaled = left * np.sqrt(values)
        features[:, :count] += (scaled / max(1e-9, np.linalg.norm(scaled, axis=1).mean())).astype(np.float32)
    return torch.from_numpy(features)


def _normalised(graph: RelationGraph) -> sparse.csr_matrix:
    """Return D^-1/2 (S + C) D^-1/2, weights summed where both relations join a pair."""
    src, dst, weights, _ = (np.concatenate(part) for part in zip(*(graph.edges[kind[0]] for kind in KINDS), strict=True))
    shape = (graph.num_items, graph.num_items)
    matrix = sparse.csr_matrix((np.r_[weights, weights], (np.r_[src, dst], np.r_[dst, src])), shape)
    scale = sparse.diags(1 / np.sqrt(np.maximum(1e-9, np.asarray(matrix.sum(1)).ravel())))
    return sparse.csr_matrix(scale @ matrix @ scale)
