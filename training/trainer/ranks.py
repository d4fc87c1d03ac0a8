"""The processes that train one model together: torchrun starts them, and each holds the whole model and a share of each step's batches."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import Tensor, nn
from torch import distributed as dist

from training.trainer.task import Tensors


@dataclass(frozen=True, slots=True)
class Ranks:
    """Which of ``count`` processes this one is; alone, nothing is exchanged."""

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this process writes what all of them made."""
        return self.rank == 0

    def gather(self, rows: Tensors) -> tuple[Tensors, slice]:
        """Return the rows of all processes, those of the first before those of the next, and where this one's are.

        Each process may have another number of rows; gradients do not flow.
        """
        own = len(next(iter(rows.values())))
        if self.count == 1:
            return rows, slice(0, own)
        counts = self._counts(own, next(iter(rows.values())).device)
        start = sum(counts[: self.rank])
        return {name: _gather(value, counts) for name, value in rows.items()}, slice(start, start + own)

    def _counts(self, own: int, device: torch.device) -> list[int]:
        counts = [torch.zeros(1, dtype=torch.long, device=device) for _ in range(self.count)]
        dist.all_gather(counts, torch.tensor([own], device=device))
        return [int(count) for count in counts]

    def add(self, number: int) -> int:
        """Return the sum of all processes' numbers."""
        if self.count == 1:
            return number
        summed = torch.tensor([number], device="cuda" if dist.get_backend() == "nccl" else "cpu")
        dist.all_reduce(summed)
        return int(summed)

    def add_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Give every process the sum of all processes' gradients."""
        if self.count == 1:
            return
        learning = [p for p in parameters if p.requires_grad]
        parts = [p.grad if p.grad is not None else torch.zeros_like(p) for p in learning]
        flat = torch.cat([part.flatten() for part in parts])
        dist.all_reduce(flat)
        for parameter, summed in zip(learning, torch.split(flat, [p.numel() for p in learning]), strict=True):
            parameter.grad = summed.view_as(parameter).clone()

    def share_buffers(self, model: nn.Module) -> None:
        """Give every process the first one's buffers: running statistics were made of each one's own batches."""
        if self.count > 1:
            for buffer in model.buffers():
                dist.broadcast(buffer, src=0)

    def wait(self) -> None:
        """Return once every process has come here."""
        if self.count > 1:
            dist.barrier()

    @contextmanager
    def first_alone(self) -> Iterator[None]:
        """Let the first process go through the block before the others: they find what it has kept."""
        if not self.first:
            self.wait()
        yield
        if self.first:
            self.wait()


ALONE = Ranks()
PATIENCE = timedelta(days=1)
"""Processes wait for the first while it reads all texts and pictures; of one that dies torchrun knows at once."""


def _gather(own: Tensor, counts: list[int]) -> Tensor:
    """Return (sum of counts, ...). Processes exchange equal shapes, so each sends as many rows as the largest has."""
    sent = own.new_zeros((max(counts), *own.shape[1:]), dtype=torch.uint8 if own.dtype == torch.bool else own.dtype)
    sent[: len(own)] = own.detach().to(sent.dtype)
    parts = [torch.empty_like(sent) for _ in counts]
    dist.all_gather(parts, sent)
    return torch.cat([part[:count] for part, count in zip(parts, counts, strict=True)]).to(own.dtype)


@contextmanager
def join_ranks() -> Iterator[Ranks]:
    """Join the processes that torchrun started; one that was started otherwise is alone."""
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield ALONE
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo", timeout=PATIENCE)
    try:
        yield Ranks(dist.get_rank(), count)
    finally:
        dist.destroy_process_group()
