"""Triplet and InfoNCE, as models.md section 2 gives them."""

import torch
import torch.nn.functional as F  # the field's own name
from torch import Tensor


def triplet(positive: Tensor, negatives: Tensor, allowed: Tensor, weights: Tensor, margin: float) -> Tensor:
    """Return the weighted mean over pairs of the mean hinge ``margin - positive + negative`` over the negatives that violate it.

    ``positive`` (B,), ``negatives`` and ``allowed`` (B, M), ``weights`` (B,). A pair without a violation costs nothing.
    """
    hinge = F.relu(margin - positive[:, None] + negatives) * allowed
    violated = (hinge.detach() > 0).sum(1).clamp_min(1)
    return ((hinge.sum(1) / violated) * weights).sum() / weights.sum().clamp_min(1e-6)


def info_nce(first: Tensor, second: Tensor, ids: Tensor, temperature: float) -> Tensor:
    """Return the symmetrised InfoNCE between two views (B, D) of the items ``ids`` (B,), cosine, against the batch.

    Two rows of one item are no negatives of each other. Fewer than two items give 0.
    """
    if len(ids) < 2:
        return first.sum() * 0
    logits = F.normalize(first, dim=-1) @ F.normalize(second, dim=-1).T / temperature
    same = (ids[:, None] == ids[None, :]) & ~torch.eye(len(ids), dtype=torch.bool, device=ids.device)
    logits = logits.masked_fill(same, torch.finfo(logits.dtype).min)
    target = torch.arange(len(ids), device=ids.device)
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2
