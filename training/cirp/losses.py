"""CIRP's objective (models.md section 1, ITC and CIC). B items of the batch, Q of the queue, K = B + Q candidates, d width."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

Side = Literal["text", "image", "fused"]


class Modality(NamedTuple):
    """Projected vectors (B, d), and whether each item has this modality (B,): rows without it take no part in any term."""

    vectors: Tensor
    has: Tensor


class Encoded(NamedTuple):
    """Items (B,) by position, and their vectors. ``whole`` (B, d) is the feature x where it is more than the plain sum of both."""

    items: Tensor
    text: Modality
    image: Modality
    whole: Tensor | None = None

    @property
    def fused(self) -> Modality:
        """The feature x, the normalised sum of what is there (models.md section 1, Features)."""
        (text, has_text), (image, has_image) = self.text, self.image
        x = F.normalize(text * has_text[:, None] + image * has_image[:, None], dim=1) if self.whole is None else self.whole
        return Modality(x, has_text | has_image)


@dataclass(frozen=True, slots=True)
class Relations:
    """How the batch's items stand to the candidates: (B, K) each."""

    own: Tensor
    """The candidate is the item itself (also a duplicate of it in the queue)."""
    alike: Tensor
    """The candidate is the item itself or a variant of the same product: no negative."""
    known: Tensor
    """The candidate is a known neighbour of the item."""
    weights: Tensor | None = None
    """How much each known neighbour counts; all alike where None."""
    joined: Tensor | None = None
    """(K,) the candidate has an edge: what has none may be new, and is no negative of CIC; all are where None."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """What one step compares. ``targets`` are the momentum encoder's vectors of the batch; without one, the batch's own."""

    batch: Encoded
    queue: Encoded
    temperature: Tensor
    relations: Relations
    targets: Encoded | None = None
    softness: float = 0.0
    """Share of ITC's target that is the momentum encoder's own similarities (models.md section 1, ITC: a)."""

    def itc(self) -> Tensor:
        """Return the mean of v -> t and t -> v, the positive being the item itself."""
        return (self._own("image", "text") + self._own("text", "image")) / 2

    def cic(self) -> Tensor:
        """Return the mean of v -> t and t -> v, the positive being each known neighbour.

        Over all ordered pairs (i, j) of the batch this is 1/4 [NCE(v_i->t_j) + NCE(t_j->v_i) + NCE(v_j->t_i) + NCE(t_i->v_j)] per edge.
        """
        return (self._neighbours("image", "text") + self._neighbours("text", "image")) / 2

    def features(self) -> Tensor:
        """Return x_i -> x_j over neighbours: the term of the very feature that ranks, and all there is where one modality is missing everywhere."""
        return self._neighbours("fused", "fused")

    def _own(self, anchor: Side, side: Side) -> Tensor:
        logits, usable = self._logits(self.batch, anchor, side)
        positive, negative = self.relations.own & usable & self._in_batch(logits), usable & ~self.relations.alike
        hard = nce(logits, positive, negative)
        if not self.softness or self.targets is None:
            return hard
        believed = self._logits(self.targets, anchor, side)[0]
        return (1 - self.softness) * hard + self.softness * soft_nce(logits, believed.detach(), positive, negative)

    def _neighbours(self, anchor: Side, side: Side) -> Tensor:
        logits, usable = self._logits(self.batch, anchor, side)
        positive = self.relations.known & usable & self._in_batch(logits)
        usable = usable if self.relations.joined is None else usable & self.relations.joined[None, :]
        return nce(logits, positive, usable & ~(self.relations.alike | self.relations.known), self.relations.weights)

    def _logits(self, anchors: Encoded, anchor: Side, side: Side) -> tuple[Tensor, Tensor]:
        """Return similarities (B, K) over the temperature, and where both have what is compared."""
        vectors, has = _side(anchors, anchor)
        here, queued = _side(self.targets or self.batch, side), _side(self.queue, side)
        logits = (vectors @ torch.cat([here.vectors, queued.vectors]).T).float() / self.temperature
        return logits, has[:, None] & torch.cat([here.has, queued.has])[None, :]

    def _in_batch(self, logits: Tensor) -> Tensor:
        return (torch.arange(logits.shape[1], device=logits.device) < len(logits))[None, :]


def nce(logits: Tensor, positive: Tensor, negative: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return the mean (by ``weights``) over positives (i, k) of -log softmax of k among itself and i's negatives; 0 without positives.

    All (B, K). What is neither (other neighbours, duplicates, missing modalities) takes no part.
    """
    if not positive.any():
        return logits.sum() * 0
    barred = torch.finfo(logits.dtype).min
    against = logits.masked_fill(~negative, barred).logsumexp(1, keepdim=True)
    found = F.softplus(against - logits)[positive]
    if weights is None:
        return found.mean()
    share = weights[positive].float()
    return (found * share).sum() / share.sum().clamp(min=torch.finfo(share.dtype).tiny)


def soft_nce(logits: Tensor, believed: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
    """Return the mean over rows with a positive of the cross entropy of ``logits`` against softmax of ``believed`` (B, K each)."""
    rows = positive.any(1)
    if not rows.any():
        return logits.sum() * 0
    barred = ~(positive | negative)[rows]
    lowest = torch.finfo(logits.dtype).min
    target = believed[rows].masked_fill(barred, lowest).softmax(1)
    return -(target * logits[rows].masked_fill(barred, lowest).log_softmax(1)).masked_fill(barred, 0).sum(1).mean()


def _side(encoded: Encoded, side: Side) -> Modality:
    found: Modality = getattr(encoded, side)
    return found
