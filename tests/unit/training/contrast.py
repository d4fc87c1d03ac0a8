"""A small contrastive task: two views of points are each other's positives, all other points their negatives."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.task import ContrastiveTask, Tensors

POINTS = 24


class Views(ContrastiveTask):
    """``size`` points a batch, in order. ``norm`` adds batch normalisation, ``dropout`` dropout; the temperature learns while comparing."""

    def __init__(self, size: int, *, norm: bool = False, dropout: float = 0.0) -> None:
        torch.manual_seed(0)
        layers = [nn.Linear(4, 8), nn.BatchNorm1d(8) if norm else nn.Identity(), nn.Tanh(), nn.Dropout(dropout), nn.Linear(8, 3)]
        self.model: nn.Module = nn.ModuleDict({"net": nn.Sequential(*layers), "scale": nn.ParameterList([nn.Parameter(torch.ones(()))])})
        self.x, self.size = torch.randn(POINTS, 4), size
        self.loaded: list[list[int]] = []

    def plans(self, epoch: int, generator: torch.Generator) -> Iterator[Tensor]:  # noqa: ARG002 - the trainer's signature
        yield from torch.split(torch.arange(POINTS), self.size)

    def load(self, plan: Tensor) -> Tensor:
        self.loaded.append(plan.tolist())
        return plan

    def steps_per_epoch(self) -> int:
        return POINTS // self.size

    def encode(self, batch: Tensor) -> Tensors:
        net: Any = self.model["net"]  # type: ignore[index]  # nn.Module is not typed as the ModuleDict it is
        return {"one": F.normalize(net(self.x[batch]), dim=1), "two": F.normalize(net(-self.x[batch].flip(1)), dim=1)}

    def describe(self, batch: Tensor) -> Tensors:
        return {"points": batch, "odd": batch % 2 == 1}

    def compare(self, vectors: Tensors, described: Tensors) -> Tensors:
        scale: Any = self.model["scale"]  # type: ignore[index]  # the same
        logits = vectors["one"] @ vectors["two"].T * scale[0].exp()
        loss = F.cross_entropy(logits, torch.arange(len(logits)), reduction="none")
        return {"views_loss": (loss * (1 + described["odd"])).mean(), "points": described["points"].sum()}

    def items_in(self, batch: Tensor) -> int:
        return len(batch)


def weights(task: Views) -> Tensor:
    """Return all parameters, flat."""
    return torch.cat([p.detach().flatten() for p in task.model.parameters()])
