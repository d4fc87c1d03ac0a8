"""A step whose items are each other's negatives over many batches and processes, in the memory of one batch.

Gradient caching (Gao et al., "Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup", arXiv 2101.06983, section 3): all batches
are encoded without gradients, compared as one, and encoded again, one by one, each with the gradient of its own vectors.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from training.trainer.ranks import Ranks
from training.trainer.task import ContrastiveTask, Tensors, total_loss

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


@dataclass(frozen=True, slots=True)
class Spanning:
    """How a step is taken: ``autocast`` encloses computing."""

    ranks: Ranks
    autocast: Callable[[], AbstractContextManager[Any]]
    seed: int
    """The step's own."""
    first: int
    """Where this process's batches begin among all of the step's."""

    def backward(self, task: ContrastiveTask, batches: Sequence[Any]) -> Tensors:
        """Add the gradient of one loss over all batches of all processes; return its terms. Each process brings as many batches."""
        batches = [self._prepare(task, batch) for batch in batches]
        with torch.no_grad(), still_statistics(task.model):
            seen = [(self._encode(task, k, batch), self._describe(task, batch)) for k, batch in enumerate(batches)]
        vectors, own = self.ranks.gather(join_rows([vectors for vectors, _ in seen]))
        described, _ = self.ranks.gather(join_rows([described for _, described in seen]))
        terms, cached = self._compare(task, vectors, described)
        self._share_direct(task.model)
        sizes = [len(next(iter(described.values()))) for _, described in seen]
        mine = {name: torch.split(gradient[own], sizes) for name, gradient in cached.items()}
        for k, batch in enumerate(batches):
            again = {name: value for name, value in self._encode(task, k, batch).items() if value.requires_grad}  # not where a batch lacks pictures
            torch.autograd.backward(list(again.values()), [mine[name][k].to(value.dtype) for name, value in again.items()])
        self.ranks.add_gradients(task.model.parameters())
        return terms

    def _encode(self, task: ContrastiveTask, k: int, batch: Any) -> Tensors:
        """Encode batch ``k`` of this process: twice with the same dropout, and with the same whichever process has it."""
        torch.manual_seed(hash((self.seed, self.first + k)))
        with self.autocast():
            return task.encode(batch)

    def _prepare(self, task: ContrastiveTask, batch: Any) -> Any:
        with self.autocast():
            return task.prepare(batch)

    def _describe(self, task: ContrastiveTask, batch: Any) -> Tensors:
        with self.autocast():
            return task.describe(batch)

    def _compare(self, task: ContrastiveTask, vectors: Tensors, described: Tensors) -> tuple[Tensors, Tensors]:
        """Return the terms, and the loss's gradient by each vector."""
        leaves = {name: value.detach().requires_grad_() for name, value in vectors.items()}
        with self.autocast():
            terms = task.compare(leaves, described)
        torch.autograd.backward(total_loss(terms))
        return terms, {name: leaf.grad if leaf.grad is not None else torch.zeros_like(leaf) for name, leaf in leaves.items()}

    def _share_direct(self, model: nn.Module) -> None:
        """Every process compared all rows, so what comparing itself has learned (a temperature) would be added ``count`` times."""
        for parameter in model.parameters():
            if parameter.grad is not None:
                parameter.grad /= self.ranks.count


def join_rows(parts: Sequence[Tensors]) -> Tensors:
    """Return the rows of all parts, one after another."""
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


@contextmanager
def still_statistics(model: nn.Module) -> Iterator[None]:
    """Let batch normalisation leave its running statistics alone: what is encoded here is encoded once more."""
    norms = [module for module in model.modules() if isinstance(module, NORMS) and module.track_running_stats]
    for norm in norms:
        norm.track_running_stats = False
    try:
        yield
    finally:
        for norm in norms:
            norm.track_running_stats = True
