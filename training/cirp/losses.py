"""CIRP's objective (models.md section 1, ITC and CIC). B items of the batch, Q of the queue, K = B + Q candidates, d width."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F


class Modality(NamedTuple):
    """Projected vectors (B, d), and whether each item has this modality (B,): rows without it take no part in any term."""

    vectors: Tensor
    has: Tensor


class Encoded(NamedTuple):
    """Items (B,) by position, and their vectors."""

    items: Tensor
    text: Modality
    image: Modality

    @property
    def fused(self) -> Modality:
        """The feature x, the normalised sum of what is there (models.md section 1, Features)."""
        (text, has_text), (image, has_image) = self.text, self.image
        return Modality(F.normalize(text * has_text[:, None] + image * has_image[:, None], dim=1), has_text | has_image)


@dataclass(frozen=True, slots=True)
class Relations:
    """How the batch's items stand to the candidates: (B, K) each."""

    own: Tensor
    """The candidate is the item itself (also a duplicate of it in the queue)."""
    known: Tensor
    """The candidate is a known neighbour of the item."""


def nce(logits: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
    """Return the mean over positives (i, k) of -log softmax of k among itself and i's negatives; 0 without positives.

    All (B, K). What is neither (other neighbours, duplicates, missing modalities) takes no part.
    """
    if not positive.any():
        return logits.sum() * 0
    barred = torch.finfo(logits.dtype).min
    against = logits.masked_fill(~negative, barred).logsumexp(1, keepdim=True)
    return F.softplus(against - logits)[positive].mean()


def cross_terms(batch: Encoded, queue: Encoded, temperature: Tensor, relations: Relations, *, neighbours: bool) -> Tensor:
    """Return the mean of v -> t and t -> v; the positive is the item itself (ITC) or each known neighbour (CIC).

    Over all ordered pairs (i, j) of the batch this is 1/4 [NCE(v_i->t_j) + NCE(t_j->v_i) + NCE(v_j->t_i) + NCE(t_i->v_j)] per edge.
    """
    to_text = _term(batch.image, batch.text, queue.text, temperature, relations, neighbours)
    to_image = _term(batch.text, batch.image, queue.image, temperature, relations, neighbours)
    return (to_text + to_image) / 2


def intra_terms(batch: Encoded, queue: Encoded, temperature: Tensor, relations: Relations) -> Tensor:
    """Return the mean of t_i -> t_j, v_i -> v_j and x_i -> x_j over neighbours: CIC's switch.

    The last trains the very feature that ranks. They are all there is where one modality is missing everywhere.
    """
    pairs = ((batch.text, queue.text), (batch.image, queue.image), (batch.fused, queue.fused))
    sides = [(here, queued) for here, queued in pairs if here.has.any()]
    terms = [_term(here, here, queued, temperature, relations, True) for here, queued in sides]
    return torch.stack(terms).mean() if terms else batch.text.vectors.sum() * 0


def _term(anchor: Modality, here: Modality, queued: Modality, temperature: Tensor, relations: Relations, neighbours: bool) -> Tensor:
    candidates, has = torch.cat([here.vectors, queued.vectors]), torch.cat([here.has, queued.has])
    logits = (anchor.vectors @ candidates.T).float() / temperature
    usable = anchor.has[:, None] & has[None, :]
    in_batch = (torch.arange(len(candidates), device=logits.device) < len(here.has))[None, :]
    positive = (relations.known if neighbours else relations.own) & usable & in_batch
    barred = relations.own | relations.known if neighbours else relations.own
    return nce(logits, positive, usable & ~barred)
