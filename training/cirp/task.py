"""CIRP as a task of the trainer: batches that hold neighbours, ITC + CIC, and held-out edges to choose the best epoch by."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from goeswith.errors import ConfigError
from training.cirp.batches import BatchPlanner, Plan, augment
from training.cirp.inputs import ItemInputs, Texts
from training.cirp.known import Known
from training.cirp.losses import Contrast, Encoded, Modality
from training.cirp.model import Cirp, compile_towers
from training.cirp.momentum import Momentum
from training.cirp.neighbours import ItemGraph
from training.cirp.queue import FeatureQueue
from training.cirp.recipe import CirpRecipe
from training.cirp.validation import HeldPairs
from training.cirp.vectors import encode_items
from training.pictures import normalise_pixels
from training.trainer.task import ContrastiveTask, Tensors

SMALLEST_PX = 17
"""Up to 16 pixels a side the small tower ends in one value a channel: of a lone picture there is nothing to normalise by."""
TARGET = "target_"
"""Begins the names of the momentum encoder's vectors."""


class Batch(NamedTuple):
    """B items; M of them have a picture."""

    items: Tensor
    texts: Texts
    has_text: Tensor
    has_image: Tensor
    images: Tensor
    """uint8 (M, 3, S, S), in the order of the items that have one; of a prepared batch, what the tower's frozen layers make of their crops."""
    crops: Tensor
    """(M, 2, 3)."""


class Learner(nn.Module):
    """What a checkpoint holds: the encoder, its momentum encoder, the queue, and how many steps were taken."""

    steps: Tensor

    def __init__(self, cirp: Cirp, queue: FeatureQueue, momentum: Momentum | None) -> None:
        super().__init__()
        self.cirp, self.queue, self.momentum = cirp, queue, momentum
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))


class CirpTask(ContrastiveTask):
    """``L = L_ITC + L_CIC``, equal weights (models.md section 1, Total)."""

    def __init__(self, cirp: Cirp, inputs: ItemInputs, graph: ItemGraph, recipe: CirpRecipe) -> None:
        self.inputs, self.recipe, self.known = inputs, recipe, Known(graph, recipe)
        self.planner = BatchPlanner(graph, recipe, inputs.pictures.has)
        self.validation = HeldPairs(graph, recipe.seed) if len(graph.held) else None
        queue = FeatureQueue(max(0, min(recipe.queue, graph.num_items - recipe.batch)), recipe.dim)
        momentum = Momentum(cirp, recipe.momentum) if recipe.momentum else None
        self.model: Learner = Learner(cirp, queue, momentum)
        if recipe.compiled:
            for encoder in (cirp, *([momentum.cirp] if momentum else [])):
                compile_towers(encoder)
        self.single_modality = 0 in inputs.modalities.values()

    def steps_per_epoch(self) -> int:
        """Return batches for about as many item updates as there are items."""
        return self.planner.count

    def plans(self, generator: torch.Generator) -> Iterator[Plan]:
        """Yield which items meet, and how their pictures are cropped."""
        return self.planner.plans(generator)

    def load(self, plan: Plan) -> Batch:
        """Read the kept hidden states and pixels of a plan's items."""
        texts, pictures, items = self.inputs.texts, self.inputs.pictures, plan.items
        has_text, has_image = texts.has[items], pictures.has[items]
        pixels = pictures.take(items[has_image])
        read = texts.take(items, self.recipe.train_tokens)
        return Batch(torch.from_numpy(items), read, torch.from_numpy(has_text), torch.from_numpy(has_image), pixels, plan.crops)

    @torch.no_grad()
    def prepare(self, batch: Batch) -> Batch:
        """Crop the pictures and let the image tower's frozen layers read them: they are the momentum encoder's, too."""
        if not len(batch.images):
            return batch
        self._require_values(batch.images)
        crops = augment(normalise_pixels(batch.images), batch.crops)
        return batch._replace(images=self.model.cirp.image_tower.lower(crops))

    def encode(self, batch: Batch) -> Tensors:
        """Return both projected vectors (B, d) of a prepared batch, zero for a picture that is missing, and the feature x."""
        return self._vectors(self.model.cirp, batch)

    def _vectors(self, cirp: Cirp, batch: Batch) -> Tensors:
        text = cirp.text_projection(cirp.encode_hidden(*batch.texts))
        image = text.new_zeros(text.shape)
        if len(batch.images):
            image[batch.has_image] = cirp.image_projection(cirp.encode_image_hidden(batch.images)).to(image.dtype)
        return {"text": text, "image": image, "whole": cirp.fuse(text, image, batch.has_text, batch.has_image)}

    def _require_values(self, pixels: Tensor) -> None:
        """Raise ``ConfigError`` where the small tower would normalise one value by itself."""
        if self.recipe.towers == "small" and len(pixels) == 1 and self.recipe.image_px < SMALLEST_PX:
            raise ConfigError(
                f"a batch holds one picture, of {self.recipe.image_px} pixels a side", f"image_px of {SMALLEST_PX} or more, or a larger batch"
            )

    @torch.no_grad()
    def describe(self, batch: Batch) -> Tensors:
        """Return which items they are, which modalities each has (B,), and the momentum encoder's vectors (B, d)."""
        targets = {} if self.model.momentum is None else self._vectors(self.model.momentum.cirp, batch)
        named = {f"{TARGET}{name}": vectors for name, vectors in targets.items()}
        return {"items": batch.items, "has_text": batch.has_text, "has_image": batch.has_image, **named}

    def compare(self, vectors: Tensors, described: Tensors) -> Tensors:
        """Return the terms that the recipe names; ``temperature`` is shown beside them."""
        contrast = self._contrast(vectors, described)
        terms = objective(contrast, self.recipe, single_modality=self.single_modality)
        self.model.queue.push(contrast.targets or contrast.batch)
        self.model.steps.add_(1)
        return {**terms, "temperature": contrast.temperature}

    def _contrast(self, vectors: Tensors, described: Tensors) -> Contrast:
        batch, queue = _encoded(vectors, described), self._queued()
        targets = {name.removeprefix(TARGET): value for name, value in described.items() if name.startswith(TARGET)}
        relations = self.known.relate(batch.items, torch.cat([batch.items, queue.items]))
        return Contrast(batch, queue, self.model.cirp.temperature, relations, _encoded(targets, described) if targets else None, self._softness())

    @torch.no_grad()
    def _queued(self) -> Encoded:
        """Return the queue with the features that its vectors make."""
        queue, cirp = self.model.queue.read(), self.model.cirp if self.model.momentum is None else self.model.momentum.cirp
        (text, has_text), (image, has_image) = queue.text, queue.image
        return queue._replace(whole=cirp.fuse(text, image, has_text, has_image))

    def _softness(self) -> float:
        """Return the share of soft targets, which rises over the first epochs."""
        ramp = self.recipe.ramp_epochs * self.steps_per_epoch() / self.recipe.accumulate
        return self.recipe.soft_targets * min(1.0, int(self.model.steps) / ramp)

    def after_step(self) -> None:
        """Let the momentum encoder follow."""
        if self.model.momentum is not None:
            self.model.momentum.follow(self.model.cirp)

    def validate(self) -> dict[str, float]:
        """Return how well held-out neighbours are found; {} without any."""
        if self.validation is None:
            return {}
        encoded = encode_items(self.model.cirp, self.inputs, self.validation.items, self.recipe.train_tokens)
        return {"score": self.validation.score(encoded["feature"])}

    def items_in(self, batch: Batch) -> int:
        """Return the number of items."""
        return len(batch.items)


def objective(contrast: Contrast, recipe: CirpRecipe, *, single_modality: bool) -> Tensors:
    """Return the terms that the recipe names; where one modality is missing everywhere, CIC's term of the feature is all that there is."""
    terms: Tensors = {}
    if "itc" in recipe.terms:
        terms["itc_loss"] = recipe.itc_weight * contrast.itc()
    if "cic" in recipe.terms:
        terms["cic_loss"] = contrast.cic()
        if recipe.feature_term or single_modality:
            terms["feature_loss"] = contrast.features()
    return terms


def _encoded(vectors: Tensors, described: Tensors) -> Encoded:
    text, image = (Modality(vectors[name], described[f"has_{name}"]) for name in ("text", "image"))
    return Encoded(described["items"], text, image, vectors["whole"])
