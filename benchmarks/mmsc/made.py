"""A made graph of two relations in which popular items have most of the edges, as in a shop."""

import numpy as np
import torch

from training.dataset import Ints, Pairs
from training.mmsc.content import Tokens
from training.mmsc.recipe import KINDS

DATA = "made"
TOKEN_SIZES = {"text": 384, "image": 384}
"""Widths of the tokens of ``cirp_small``."""


def made_pairs(items: int, edges: int, seed: int = 0) -> Pairs:
    """Return ``edges`` pairs between ``items``, half of each kind, all of weight 1; a few stand twice and are one edge of a graph.

    Ends are drawn in proportion to rank^-1/2, so the number of items of degree k falls as k^-3. Weights are equal because not every
    sampler of PyG's knows any.
    """
    rng = np.random.default_rng(seed)
    item_of_rank = rng.permutation(items)
    src, dst = (item_of_rank[_ranks(items, edges, rng)] for _ in range(2))
    dst = np.where(src == dst, (dst + 1) % items, dst)
    types = np.repeat(np.array(KINDS), [edges - edges // 2, edges // 2])
    return Pairs(src, dst, types, np.full(edges, DATA), np.ones(edges, dtype=np.float32), np.ones(edges, dtype=np.int64))


def _ranks(items: int, count: int, rng: np.random.Generator) -> Ints:
    """Return ranks (count,), rank r in proportion to (r + 1)^-1/2: the square of a uniform number is so distributed."""
    ranks: Ints = (items * rng.random(count) ** 2).astype(np.int64)
    return ranks


def made_tokens(items: int, seed: int = 0) -> Tokens:
    """Return random tokens, one a modality: what they say changes no time."""
    generator = torch.Generator().manual_seed(seed)
    values = {name: torch.randn(items, 1, size, generator=generator) for name, size in TOKEN_SIZES.items()}
    return Tokens(values, {name: torch.ones(items, dtype=torch.bool) for name in values})
