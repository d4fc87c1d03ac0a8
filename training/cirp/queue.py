"""A short first-in-first-out queue of projected vectors: more negatives than a batch holds (models.md section 1, Encoder)."""

import torch
from torch import Tensor, nn

from training.cirp.losses import Encoded, Modality

EMPTY = -1


class FeatureQueue(nn.Module):
    """The last ``size`` items' vectors (size, d), as buffers, so that a checkpoint holds them."""

    items: Tensor
    text: Tensor
    image: Tensor
    has_text: Tensor
    has_image: Tensor
    at: Tensor

    def __init__(self, size: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("items", torch.full((size,), EMPTY))
        for name in ("text", "image"):
            self.register_buffer(name, torch.zeros(size, dim))
            self.register_buffer(f"has_{name}", torch.zeros(size, dtype=torch.bool))
        self.register_buffer("at", torch.zeros((), dtype=torch.long))

    def read(self) -> Encoded:
        """Return what is queued; empty places have no modality."""
        return Encoded(self.items.clone(), Modality(self.text.clone(), self.has_text.clone()), Modality(self.image.clone(), self.has_image.clone()))

    @torch.no_grad()
    def push(self, batch: Encoded) -> None:
        """Put the batch in place of the oldest; of a batch larger than the queue only the last items stay."""
        size = len(self.items)
        if not size:
            return
        count = min(size, len(batch.items))
        places = (self.at + torch.arange(count, device=self.at.device)) % size
        self.items[places] = batch.items[-count:]
        for name, side in (("text", batch.text), ("image", batch.image)):
            getattr(self, name)[places] = side.vectors[-count:].detach().to(self.text.dtype)
            getattr(self, f"has_{name}")[places] = side.has[-count:]
        self.at.add_(count).remainder_(size)
