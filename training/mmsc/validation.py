"""Choosing the epoch: hidden pairs against random items, by the vectors alone."""

import numpy as np
import numpy.typing as npt
import torch

from training.dataset import Ints, Pairs
from training.mmsc.content import Tokens
from training.mmsc.graph import RelationGraph
from training.mmsc.model import Mmsc, Relational
from training.mmsc.pairs import Adjacency, Split
from training.mmsc.recipe import KINDS, MmscRecipe
from training.mmsc.vectors import encode_items

CASES = 1_000
AGAINST = 200


def hidden_ndcg(model: Mmsc, tokens: Tokens, graph: RelationGraph, split: Split, adjacency: Adjacency, recipe: MmscRecipe) -> dict[str, float]:
    """Return ``ndcg@10_<task>`` of at most ``CASES`` hidden pairs against ``AGAINST`` random items, and their mean as ``score``.

    A task without hidden pairs is left out; without any, {} is returned and the last epoch stands.
    """
    vectors = encode_items(model, tokens, graph, recipe).relational
    found = {}
    for kind in KINDS:
        hidden = split.hidden.of_type(kind)
        if len(hidden):
            rng = np.random.default_rng(recipe.seed)
            pick = hidden.take(rng.permutation(len(hidden))[:CASES])
            against = rng.integers(0, graph.num_items, (len(pick), AGAINST))
            known = adjacency.joined(kind, pick.src[:, None], against) | (against == pick.dst[:, None])
            found[f"ndcg@10_{kind}"] = _ndcg(vectors, kind, pick, against, known)
    return {**found, "score": float(np.mean(list(found.values())))} if found else {}


def _ndcg(vectors: Relational, kind: str, pick: Pairs, against: Ints, known: npt.NDArray[np.bool_]) -> float:
    source = (vectors.substitute if kind == "substitute" else vectors.complement_source)[pick.src]
    targets = vectors.substitute if kind == "substitute" else vectors.complement_target
    true = (source * targets[pick.dst]).sum(-1)
    others = torch.einsum("bd,bcd->bc", source, targets[against]).masked_fill(torch.from_numpy(known), -2.0)
    rank = (others > true[:, None]).sum(1) + (others == true[:, None]).sum(1) / 2
    return float(torch.where(rank < 10, 1 / torch.log2(rank + 2), torch.zeros(())).mean())
