"""A small contrastive task: two views of points are each other's positives, all other points their negatives."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.trainer.task import ContrastiveTask, Tensors

POINTS = 24


class Net(nn.Module):
    """Two linear layers, and a temperature that learns while comparing."""

    def __init__(self, *, norm: bool, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8) if norm else nn.Identity(), nn.Tanh(), nn.Dropout(dropout), nn.Linear(8, 3))
        self.scale = nn.Parameter(torch.ones(()))


class Views(ContrastiveTask):
    """``size`` points a batch, in order. ``norm`` adds batch normalisation, ``dropout`` dropout."""

    def __init__(self, size: int, *, norm: bool = False, dropout: float = 0.0) -> None:
        torch.manual_seed(0)
        self.model: Net = Net(norm=norm, dropout=dropout)
        self.x, self.size = torch.randn(POINTS, 4), size
        self.loaded: list[list[int]] = []

    def plans(self, generator: torch.Generator) -> Iterator[Tensor]:
        del generator  # in order
        yield from torch.split(torch.arange(POINTS), self.size)

    def load(self, plan: Tensor) -> Tensor:
        self.loaded.append(plan.tolist())
        return plan

    def steps_per_epoch(self) -> int:
        return POINTS // self.size

    def encode(self, batch: Tensor) -> Tensors:
        views = {"one": self.x[batch], "two": -self.x[batch].flip(1)}
        return {name: F.normalize(self.model.layers(view), dim=1) for name, view in views.items()}

    def describe(self, batch: Tensor) -> Tensors:
        return {"points": batch, "odd": batch % 2 == 1}

    def compare(self, vectors: Tensors, described: Tensors) -> Tensors:
        logits = vectors["one"] @ vectors["two"].T * self.model.scale.exp()
        loss = F.cross_entropy(logits, torch.arange(len(logits)), reduction="none")
        return {"views_loss": (loss * (1 + described["odd"])).mean(), "points": described["points"].sum()}

    def items_in(self, batch: Tensor) -> int:
        return len(batch)


def weights(task: Views) -> Tensor:
    """Return all parameters, flat."""
    return torch.cat([p.detach().flatten() for p in task.model.parameters()])
