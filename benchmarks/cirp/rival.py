"""The rival: the same model, objective and optimizer as a plain loop over ``transformers``' BERT, which reads every text and picture each time."""

import copy
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import BertModel, get_cosine_schedule_with_warmup

from benchmarks.cirp.examples import Collated, Collator, Examples, load_examples
from benchmarks.cirp.flops import count_flops
from benchmarks.cirp.lesson import Lesson
from benchmarks.cirp.runs import Run
from training.cirp.losses import Contrast, Encoded, Modality, Relations
from training.cirp.model import TEMPERATURE_RANGE, Cirp
from training.cirp.neighbours import ItemGraph
from training.cirp.queue import FeatureQueue
from training.cirp.recipe import CirpRecipe
from training.cirp.towers import MINILM
from training.dataset import Ints
from training.negatives import EdgeSet
from training.trainer.device import move
from training.trainer.task import Tensors, total_loss

WARM_STEPS = 2
"""Steps that are not timed."""
CLIP_NORM = 1.0


class Rival(nn.Module):
    """BERT whole, its lower layers frozen, beside the picture tower and the projections that ``cirp`` begins with."""

    def __init__(self, cirp: Cirp, recipe: CirpRecipe) -> None:
        super().__init__()
        self.bert: Any = BertModel.from_pretrained(MINILM, add_pooling_layer=False, local_files_only=True)
        layers = self.bert.encoder.layer
        self.frozen = (self.bert.embeddings, *layers[: len(layers) - recipe.trained_text_layers])
        for module in self.frozen:
            module.requires_grad_(False)  # no operation below the first layer that learns is recorded
        self.image_tower, self.text_projection = copy.deepcopy(cirp.image_tower), copy.deepcopy(cirp.text_projection)
        self.image_projection, self.log_temperature = copy.deepcopy(cirp.image_projection), copy.deepcopy(cirp.log_temperature)
        self.words, self.log_picture_share = copy.deepcopy(cirp.text_tower.words), copy.deepcopy(cirp.log_picture_share)

    def train(self, mode: bool = True) -> Self:
        """Let what is frozen stay without dropout."""
        super().train(mode)
        for module in self.frozen:
            module.eval()
        return self

    def forward(self, batch: Collated) -> Encoded:
        """Return the projected vectors of texts and pictures (B, d), zero for a picture that is missing, and the features."""
        hidden = self.bert(**batch.tokens).last_hidden_state
        weights = batch.tokens["attention_mask"].unsqueeze(-1).to(hidden.dtype)
        pooled = (hidden * weights).sum(1) / weights.sum(1)
        pooled = pooled if self.words is None else self.words(pooled, batch.tokens["input_ids"])
        text = self.text_projection(F.normalize(pooled, dim=-1))
        image = text.new_zeros(text.shape)
        if len(batch.pixels):
            image[batch.has_image] = self.image_projection(F.normalize(self.image_tower(batch.pixels), dim=-1)).to(image.dtype)
        there = F.normalize(text * batch.has_text[:, None] + self.log_picture_share.exp() * image * batch.has_image[:, None], dim=-1)
        return Encoded(batch.items, Modality(text, batch.has_text), Modality(image, batch.has_image), there)


class Objective:
    """ITC + CIC by the very functions that our task calls, over the batch alone."""

    def __init__(self, lesson: Lesson) -> None:
        self.recipe, self.graph, self.known = lesson.recipe, lesson.graph, lesson.graph.known()
        self.queue = FeatureQueue(0, lesson.recipe.dim).to(lesson.device).read()

    def losses(self, model: Rival, batch: Collated) -> Tensors:
        """Return the terms of one batch."""
        temperature = model.log_temperature.exp().clamp(*TEMPERATURE_RANGE)
        contrast = Contrast(model(batch), self.queue, temperature, relations_of(batch.items, self.graph, self.known))
        return {"itc_loss": self.recipe.itc_weight * contrast.itc(), "cic_loss": contrast.cic(), "feature_loss": contrast.features()}


def relations_of(items: Tensor, graph: ItemGraph, known: EdgeSet) -> Relations:
    """Return who is who, who is a variant of whom, and who is whose neighbour, among the items (B,) of a batch; and who has an edge at all."""
    products, joined = (torch.from_numpy(values).to(items.device)[items] for values in (graph.products, graph.joined))
    one, other = items[:, None], items[None, :]
    return Relations(one == other, products[:, None] == products[None, :], known.contains(one, other), joined=joined)


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
        self.lesson, self.objective = lesson, Objective(lesson)
        self.model = Rival(cirp, lesson.recipe).to(lesson.device).train()
        self.optimizer = torch.optim.AdamW(self._groups(), lr=lesson.recipe.lr, weight_decay=lesson.recipe.weight_decay)
        self.schedule = get_cosine_schedule_with_warmup(self.optimizer, lesson.recipe.warmup, steps)

    def _groups(self) -> list[dict[str, Any]]:
        text = {id(p) for p in self.model.bert.parameters()}
        learning = [p for p in self.model.parameters() if p.requires_grad]
        upper, rest = [p for p in learning if id(p) in text], [p for p in learning if id(p) not in text]
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
