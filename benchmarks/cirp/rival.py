"""The rival: the same model, objective and optimizer as a plain loop over ``transformers``' towers, which read every text and picture each time."""

import copy
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import nn
from transformers import get_cosine_schedule_with_warmup

from benchmarks.cirp.examples import Collated, Collator, Examples, load_examples
from benchmarks.cirp.flops import count_flops
from benchmarks.cirp.lesson import Lesson
from benchmarks.cirp.rival_model import Rival, build_rival
from benchmarks.cirp.runs import Run
from training.cirp.known import Known
from training.cirp.losses import Contrast, Encoded
from training.cirp.model import Cirp
from training.cirp.queue import FeatureQueue
from training.cirp.task import objective
from training.dataset import Ints
from training.trainer.device import move
from training.trainer.task import Tensors, total_loss

WARM_STEPS = 2
"""Steps that are not timed."""
CLIP_NORM = 1.0


class Objective(nn.Module):
    """ITC + CIC by the very functions that our task calls; a momentum encoder and a queue where the recipe has them, as ALBEF's code does."""

    def __init__(self, lesson: Lesson, model: Rival) -> None:
        super().__init__()
        self.recipe, self.known = lesson.recipe, Known(lesson.graph, lesson.recipe)
        self.momentum = copy.deepcopy(model).requires_grad_(False) if self.recipe.momentum else None
        size = max(0, min(self.recipe.queue, lesson.graph.num_items - self.recipe.batch))
        self.queue = FeatureQueue(size, self.recipe.dim)
        self.softness = self.recipe.soft_targets

    def losses(self, model: Rival, batch: Collated) -> Tensors:
        """Return the terms of one batch, and put it into the queue."""
        encoded, targets, queue = model(batch), self._targets(batch), self._queued(model)
        relations = self.known.relate(batch.items, torch.cat([batch.items, queue.items]))
        contrast = Contrast(encoded, queue, model.temperature, relations, targets, self.softness)
        self.queue.push(targets or encoded)
        return objective(contrast, self.recipe, single_modality=False)

    @torch.no_grad()
    def _targets(self, batch: Collated) -> Encoded | None:
        return None if self.momentum is None else self.momentum.eval()(batch)

    @torch.no_grad()
    def _queued(self, model: Rival) -> Encoded:
        queue = self.queue.read()
        return queue._replace(whole=(self.momentum or model).fuse(queue))

    @torch.no_grad()
    def follow(self, model: Rival) -> None:
        """Let the momentum encoder, where there is one, follow the model."""
        if self.momentum is not None:
            for slow, fast in zip(self.momentum.parameters(), model.parameters(), strict=True):
                slow.data = slow.data * self.recipe.momentum + fast.data * (1 - self.recipe.momentum)


def train_rival(lesson: Lesson, cirp: Cirp, batches: Sequence[Ints], workers: int) -> Run:
    """Train on the batches in their order with so many loader processes; the first ``WARM_STEPS`` are not timed."""
    loop, loaded = _Loop(lesson, cirp, len(batches)), load_examples(lesson, batches, workers)
    items, waited_s, started = 0, 0.0, 0.0
    asked = time.perf_counter()
    for step, batch in enumerate(loaded, start=1):
        waited_s += time.perf_counter() - asked
        loop.step(move(batch, lesson.device))
        items += len(batch.items)
        if step == WARM_STEPS:
            _finish(lesson.device)
            items, waited_s, started = 0, 0.0, time.perf_counter()
        asked = time.perf_counter()
    _finish(lesson.device)
    seconds = time.perf_counter() - started
    return Run(items=items, seconds=seconds, waited_s=waited_s, flops_per_item=loop.flops_per_item(batches[0]))


class _Loop:
    """One training: the step that the documentation shows."""

    def __init__(self, lesson: Lesson, cirp: Cirp, steps: int) -> None:
        self.lesson, self.model = lesson, build_rival(cirp, lesson.recipe).to(lesson.device).train()
        self.objective = Objective(lesson, self.model).to(lesson.device)
        self.optimizer = torch.optim.AdamW(self._groups(), lr=lesson.recipe.lr, weight_decay=lesson.recipe.weight_decay)
        self.schedule = get_cosine_schedule_with_warmup(self.optimizer, lesson.recipe.warmup, steps)

    def _groups(self) -> list[dict[str, Any]]:
        pretrained = {id(p) for p in self.model.pretrained}
        learning = [p for p in self.model.parameters() if p.requires_grad]
        upper, rest = [p for p in learning if id(p) in pretrained], [p for p in learning if id(p) not in pretrained]
        scaled = self.lesson.recipe.lr * self.lesson.recipe.tower_lr_scale
        return [{"params": rest}, *([{"params": upper, "lr": scaled}] if upper else [])]

    def step(self, batch: Collated) -> None:
        with self._autocast():
            loss = total_loss(self.objective.losses(self.model, batch))
        self.optimizer.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(self.model.parameters(), CLIP_NORM)
        self.optimizer.step()
        self.schedule.step()
        self.objective.follow(self.model)

    def flops_per_item(self, items: Ints) -> float:
        examples = Examples(self.lesson)
        batch = move(Collator(self.lesson)([examples[int(item)] for item in items]), self.lesson.device)
        return count_flops(lambda: total_loss(self.objective.losses(self.model, batch))) / len(items)

    def _autocast(self) -> AbstractContextManager[Any]:
        return torch.autocast(self.lesson.device.type, dtype=torch.bfloat16, enabled=self.lesson.recipe.precision == "bfloat16")


def _finish(device: torch.device) -> None:
    """Wait for what was only queued, so that a clock reads what was done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
