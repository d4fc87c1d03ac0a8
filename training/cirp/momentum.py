"""The momentum encoder: a slow copy of what learns, whose vectors are compared with and queued (models.md section 1, Encoder)."""

import copy
from typing import Any, Self

import torch
from torch import nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from training.cirp.model import Cirp
from training.trainer.checkpoint import keep_with_model


class Momentum(nn.Module):
    """``cirp`` is the copy: m <- keep m + (1 - keep) theta after each step. Layers that are frozen are the encoder's own, not copied."""

    def __init__(self, cirp: Cirp, keep: float) -> None:
        super().__init__()
        frozen = {id(p): p for p in cirp.parameters() if not p.requires_grad}
        self.cirp: Cirp = copy.deepcopy(cirp, frozen)
        self.keep = keep
        for parameter in self.cirp.parameters():
            if parameter.requires_grad:
                parameter.requires_grad_(False)
                keep_with_model(parameter)
        self.train()

    def train(self, mode: bool = True) -> Self:  # noqa: ARG002 - torch's signature
        """Stay as at inference: no dropout, and batch statistics are the encoder's."""
        return super().train(False)

    @torch.no_grad()
    def follow(self, cirp: Cirp) -> None:
        """Move towards the encoder's weights, and take its statistics."""
        moving = [(own, theirs) for own, theirs in zip(self.cirp.parameters(), cirp.parameters(), strict=True) if own is not theirs]
        average: Any = get_ema_multi_avg_fn(self.keep)  # type: ignore[no-untyped-call]  # torch leaves it untyped
        average([own for own, _ in moving], [theirs for _, theirs in moving], 0)
        for mine, its in zip(self.cirp.buffers(), cirp.buffers(), strict=True):
            mine.copy_(its)
