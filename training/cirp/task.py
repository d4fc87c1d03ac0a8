"""CIRP as a task of the trainer: batches that hold neighbours, ITC + CIC, and held-out edges to choose the best epoch by."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.cirp.inputs import ItemInputs
from training.cirp.losses import Encoded, Modality, Relations, cross_terms, intra_terms
from training.cirp.model import Cirp
from training.cirp.neighbours import ItemGraph, NeighbourSampler
from training.cirp.queue import FeatureQueue
from training.cirp.recipe import CirpRecipe
from training.cirp.vectors import encode_items
from training.dataset import Ints
from training.pictures import normalise_pixels
from training.task import ContrastiveTask, Tensors

VALIDATION_ITEMS = 768
SMALLEST_CROP = 0.75


class Plan(NamedTuple):
    """Which items make a batch, and how their pictures are cropped."""

    items: Ints
    crops: Tensor
    """(M, 2, 3) affine maps of the M pictures that there are: random crop and horizontal flip."""


class Batch(NamedTuple):
    """B items; M of them have a picture."""

    items: Tensor
    hidden: Tensor
    """(B, L, D) of the frozen text layers."""
    mask: Tensor
    has_text: Tensor
    has_image: Tensor
    pixels: Tensor
    """uint8 (M, 3, S, S), in the order of the items that have one."""
    crops: Tensor
    """(M, 2, 3)."""


class Learner(nn.Module):
    """The encoder and its queue: what a checkpoint holds."""

    def __init__(self, cirp: Cirp, queue: FeatureQueue) -> None:
        super().__init__()
        self.cirp = cirp
        self.queue = queue


class CirpTask(ContrastiveTask):
    """``L = L_ITC + L_CIC``, equal weights (models.md section 1, Total)."""

    def __init__(self, cirp: Cirp, inputs: ItemInputs, graph: ItemGraph, recipe: CirpRecipe) -> None:
        self.inputs, self.graph, self.recipe = inputs, graph, recipe
        self.sampler = NeighbourSampler(graph, by_weight=recipe.by_weight)
        self.known = graph.known()
        queue = FeatureQueue(max(0, min(recipe.queue, graph.num_items - recipe.batch)), recipe.dim)
        self.model: Learner = Learner(cirp, queue)
        self.judged = _judged_items(graph, recipe.seed)
        self.single_modality = 0 in inputs.modalities.values()

    def steps_per_epoch(self) -> int:
        """Return batches for about as many item updates as there are items."""
        return max(1, self.graph.num_items // self.recipe.batch)

    def plans(self, epoch: int, generator: torch.Generator) -> Iterator[Plan]:  # noqa: ARG002 - the trainer's signature
        """Yield random items, each with some of its neighbours."""
        leaders = max(1, self.recipe.batch // (1 + self.recipe.neighbours))
        order = torch.randperm(self.graph.num_items, generator=generator)
        for part in torch.split(order, leaders)[: self.steps_per_epoch()]:
            drawn = self.sampler.draw(part, self.recipe.neighbours, generator)
            items = np.unique(torch.cat([part, drawn]).numpy())
            yield Plan(items, random_crops(int(self.inputs.pictures.has[items].sum()), generator))

    def load(self, plan: Plan) -> Batch:
        """Read the kept hidden states and pixels of a plan's items."""
        texts, pictures, items = self.inputs.texts, self.inputs.pictures, plan.items
        hidden, mask = texts.take(items, self.recipe.train_tokens)
        has_text, has_image = texts.has[items], pictures.has[items]
        pixels = pictures.take(items[has_image])
        return Batch(torch.from_numpy(items), hidden, mask, torch.from_numpy(has_text), torch.from_numpy(has_image), pixels, plan.crops)

    def encode(self, batch: Batch) -> Tensors:
        """Return both projected vectors (B, d), zero for a picture that is missing."""
        cirp = self.model.cirp
        text = cirp.text_projection(cirp.encode_hidden(batch.hidden, batch.mask))
        image = text.new_zeros(text.shape)
        if len(batch.pixels):
            pictures = augment(normalise_pixels(batch.pixels), batch.crops)
            image[batch.has_image] = cirp.image_projection(cirp.encode_image(pictures)).to(image.dtype)
        return {"text": text, "image": image}

    def describe(self, batch: Batch) -> Tensors:
        """Return which items they are, and which modalities each has (B,)."""
        return {"items": batch.items, "has_text": batch.has_text, "has_image": batch.has_image}

    def compare(self, vectors: Tensors, described: Tensors) -> Tensors:
        """Return the terms that the recipe names; ``temperature`` is shown beside them."""
        text, image = (Modality(vectors[name], described[f"has_{name}"]) for name in ("text", "image"))
        encoded, queue = Encoded(described["items"], text, image), self.model.queue.read()
        candidates = torch.cat([encoded.items, queue.items])
        own = encoded.items[:, None] == candidates[None, :]
        known = self.known.contains(encoded.items[:, None], candidates[None, :].clamp(min=0)) & (candidates >= 0)[None, :]
        relations, temperature = Relations(own, known), self.model.cirp.temperature
        terms: Tensors = {}
        if "itc" in self.recipe.terms:
            terms["itc_loss"] = self.recipe.itc_weight * cross_terms(encoded, queue, temperature, relations, neighbours=False)
        if "cic" in self.recipe.terms:
            terms["cic_loss"] = cross_terms(encoded, queue, temperature, relations, neighbours=True)
            if self.recipe.intra_modal or self.single_modality:
                terms["intra_loss"] = intra_terms(encoded, queue, temperature, relations)
        self.model.queue.push(encoded)
        return {**terms, "temperature": temperature}

    def validate(self) -> dict[str, float]:
        """Return the mean reciprocal rank of held-out neighbours among ``VALIDATION_ITEMS`` items, by x_i . x_j; {} without any."""
        if not len(self.graph.held):
            return {}
        x = encode_items(self.model.cirp, self.inputs, self.judged, self.recipe.train_tokens)["feature"]
        at = torch.from_numpy(np.searchsorted(self.judged, self.graph.held))
        return {"score": reciprocal_rank(x, torch.cat([at, at.flip(1)]), self._barred(at))}

    def _barred(self, at: Tensor) -> Tensor:
        """Return (2H, C): the query itself and its training neighbours, which do not compete."""
        judged = torch.from_numpy(self.judged)
        query = torch.cat([at[:, 0], at[:, 1]])
        barred = self.known.contains(judged[query][:, None], judged[None, :])
        barred[torch.arange(len(query)), query] = True
        return barred

    def items_in(self, batch: Batch) -> int:
        """Return the number of items."""
        return len(batch.items)


def reciprocal_rank(x: Tensor, pairs: Tensor, barred: Tensor) -> float:
    """Return the mean of 1 / rank of ``pairs[:, 1]`` by dot product with ``pairs[:, 0]``; ties count half, ``barred`` does not compete."""
    scores = x[pairs[:, 0]] @ x.T
    target = scores.gather(1, pairs[:, 1:])
    scores = scores.masked_fill(barred, -torch.inf).scatter(1, pairs[:, 1:], -torch.inf)
    ranks = 1 + (scores > target).sum(1) + (scores == target).sum(1) / 2
    return float((1 / ranks).mean())


def random_crops(count: int, generator: torch.Generator) -> Tensor:
    """Return affine maps (count, 2, 3) of crops between ``SMALLEST_CROP`` and the whole side, half of them flipped."""
    scale = SMALLEST_CROP + (1 - SMALLEST_CROP) * torch.rand(count, generator=generator)
    shift = (2 * torch.rand(count, 2, generator=generator) - 1) * (1 - scale)[:, None]
    flip = 1 - 2 * (torch.rand(count, generator=generator) < 0.5).float()
    maps = torch.zeros(count, 2, 3)
    maps[:, 0, 0], maps[:, 1, 1], maps[:, :, 2] = scale * flip, scale, shift
    return maps


def augment(pixels: Tensor, crops: Tensor) -> Tensor:
    """Return the crops (M, 3, S, S) of normalised pixels."""
    grid = F.affine_grid(crops, list(pixels.shape), align_corners=False)
    return F.grid_sample(pixels, grid, padding_mode="border", align_corners=False)


def _judged_items(graph: ItemGraph, seed: int) -> Ints:
    """Return the items among which held-out neighbours are ranked, sorted: their ends, and random others."""
    ends = np.unique(graph.held)
    others = np.setdiff1d(np.random.default_rng(seed).permutation(graph.num_items)[:VALIDATION_ITEMS], ends)
    return np.sort(np.concatenate([ends, others[: max(0, VALIDATION_ITEMS - len(ends))]]))
