"""What the trainer asks of a model and its objective."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

Tensors = dict[str, Tensor]


class Task(ABC):
    """A model and its objective. Extra state of the objective (a queue) lives in ``model`` as buffers, so that checkpoints hold it."""

    model: nn.Module

    @abstractmethod
    def plans(self, generator: torch.Generator) -> Iterator[Any]:
        """Yield what each batch of one epoch is made of; all randomness of batches comes from ``generator``, another one each epoch.

        Plans are cheap: a run that is resumed walks past those that it has done without loading them.
        """

    def load(self, plan: Any) -> Any:
        """Return the batch of a plan, on the CPU; called in a thread of its own while the model computes."""
        return plan

    @abstractmethod
    def steps_per_epoch(self) -> int:
        """Return how many plans an epoch has."""

    @abstractmethod
    def losses(self, batch: Any) -> Tensors:
        """Return scalars by name; the loss is the sum of those whose name ends in ``_loss``, the others are shown only."""

    @abstractmethod
    def items_in(self, batch: Any) -> int:
        """Return how many items ``batch`` updates: the unit of speed and of budgets."""

    def after_step(self) -> None:  # noqa: B027 - most tasks have nothing to do then
        """Follow the step that the optimizer has taken: a momentum encoder moves."""

    def validate(self) -> dict[str, float]:
        """Return figures on held-out data, {} for none. ``score`` is what early stopping maximises."""
        return {}


class ContrastiveTask(Task):
    """A task whose items are each other's negatives: what it compares may come from many batches, and from many processes.

    ``losses`` of one batch is ``compare`` of what ``encode`` and ``describe`` say of it once it is prepared; of several,
    ``training.trainer.gradients`` brings together what they say of each, so that negatives span them all.
    """

    def prepare(self, batch: Any) -> Any:
        """Return the batch with what no gradient reaches worked out, once for all that then read it: frozen layers. No gradient is kept."""
        return batch

    @abstractmethod
    def encode(self, batch: Any) -> Tensors:
        """Return vectors (B, ...) that gradients flow through."""

    @abstractmethod
    def describe(self, batch: Any) -> Tensors:
        """Return all else that is compared (B, ...): which items, what they have. No gradient is kept."""

    @abstractmethod
    def compare(self, vectors: Tensors, described: Tensors) -> Tensors:
        """Return the losses over all rows, called once a step; a queue takes them in here."""

    def losses(self, batch: Any) -> Tensors:
        """Return the losses of one batch."""
        prepared = self.prepare(batch)
        return self.compare(self.encode(prepared), self.describe(prepared))


def total_loss(terms: Tensors) -> Tensor:
    """Return the sum of the terms that are minimised."""
    return torch.stack([value.float() for name, value in terms.items() if name.endswith("_loss")]).sum()
