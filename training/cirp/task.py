"""CIRP as a task of the trainer: batches that hold neighbours, ITC + CIC, and held-out edges to choose the best epoch by."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from goeswith.errors import ConfigError
from training.cirp.inputs import ItemInputs, Texts
from training.cirp.losses import Contrast, Encoded, Modality, Relations
from training.cirp.model import Cirp
from training.cirp.momentum import Momentum
from training.cirp.neighbours import ItemGraph, NeighbourSampler
from training.cirp.queue import FeatureQueue
from training.cirp.recipe import CirpRecipe
from training.cirp.vectors import encode_items
from training.dataset import Ints
from training.pictures import normalise_pixels
from training.task import ContrastiveTask, Tensors

VALIDATION_ITEMS = 768
SMALLEST_PX = 17
"""Up to 16 pixels a side the small tower ends in one value a channel: of a lone picture there is nothing to normalise by."""
SMALLEST_CROP = 0.75
TARGET = "target_"
"""Begins the names of the momentum encoder's vectors."""


class Plan(NamedTuple):
    """Which items make a batch, and how their pictures are cropped."""

    items: Ints
    crops: Tensor
    """(M, 2, 3) affine maps of the M pictures that there are: random crop and horizontal flip."""


class Batch(NamedTuple):
    """B items; M of them have a picture."""

    items: Tensor
    texts: Texts
    has_text: Tensor
    has_image: Tensor
    pixels: Tensor
    """uint8 (M, 3, S, S), in the order of the items that have one."""
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
        self.inputs, self.graph, self.recipe = inputs, graph, recipe
        self.sampler = NeighbourSampler(graph, by_weight=recipe.by_weight)
        self.known = graph.known(weighted=recipe.edge_weights)
        self.products, self.joined = torch.from_numpy(graph.products), torch.from_numpy(graph.joined)
        queue = FeatureQueue(max(0, min(recipe.queue, graph.num_items - recipe.batch)), recipe.dim)
        self.model: Learner = Learner(cirp, queue, Momentum(cirp, recipe.momentum) if recipe.momentum else None)
        self.judged = _judged_items(graph, recipe.seed)
        self.single_modality = 0 in inputs.modalities.values()

    def steps_per_epoch(self) -> int:
        """Return batches for about as many item updates as there are items."""
        return max(1, self.graph.num_items // self.recipe.batch)

    def plans(self, generator: torch.Generator) -> Iterator[Plan]:
        """Yield random items, each with some of its neighbours."""
        leaders = max(1, self.recipe.batch // (1 + self.recipe.neighbours))
        for part in self._leaders(leaders, generator)[: self.steps_per_epoch()]:
            drawn = part[:0] if self.recipe.by_edges else self.sampler.draw(part, self.recipe.neighbours, generator)
            items = np.unique(torch.cat([part, drawn]).numpy())
            yield Plan(items, random_crops(int(self.inputs.pictures.has[items].sum()), generator))

    def _leaders(self, count: int, generator: torch.Generator) -> list[Tensor]:
        """Return all items in groups of ``count``, in random order; where the recipe says so, the items of a group are of one category."""
        order = torch.randperm(self.graph.num_items, generator=generator)
        if self.recipe.by_edges and len(self.graph.edges):
            return self._ends_and_others(order, generator)
        if not self.recipe.one_category:
            return list(torch.split(order, count))
        by_category = order[torch.argsort(torch.from_numpy(self.graph.categories)[order], stable=True)]
        groups = torch.split(by_category, count)
        return [groups[at] for at in torch.randperm(len(groups), generator=generator).tolist()]

    def _ends_and_others(self, order: Tensor, generator: torch.Generator) -> list[Tensor]:
        """Return the ends of random edges, three quarters of a batch, beside some of the items that have none: ITC reads these, too."""
        edges, lone = torch.from_numpy(self.graph.edges), order[~self.joined[order]]
        steps, count = self.steps_per_epoch(), max(1, self.recipe.batch * 3 // 8)
        drawn = torch.randint(len(edges), (steps, count), generator=generator)
        others = lone[: steps * (self.recipe.batch // 4)].tensor_split(steps)
        return [torch.cat([edges[at].flatten(), some]) for at, some in zip(drawn, others, strict=True)]

    def load(self, plan: Plan) -> Batch:
        """Read the kept hidden states and pixels of a plan's items."""
        texts, pictures, items = self.inputs.texts, self.inputs.pictures, plan.items
        has_text, has_image = texts.has[items], pictures.has[items]
        pixels = pictures.take(items[has_image])
        read = texts.take(items, self.recipe.train_tokens)
        return Batch(torch.from_numpy(items), read, torch.from_numpy(has_text), torch.from_numpy(has_image), pixels, plan.crops)

    def encode(self, batch: Batch) -> Tensors:
        """Return both projected vectors (B, d), zero for a picture that is missing, and the feature x."""
        return self._vectors(self.model.cirp, batch)

    def _vectors(self, cirp: Cirp, batch: Batch) -> Tensors:
        text = cirp.text_projection(cirp.encode_hidden(*batch.texts))
        image = text.new_zeros(text.shape)
        if len(batch.pixels):
            self._require_values(batch.pixels)
            pictures = augment(normalise_pixels(batch.pixels), batch.crops)
            image[batch.has_image] = cirp.image_projection(cirp.encode_image(pictures)).to(image.dtype)
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
        contrast, recipe = self._contrast(vectors, described), self.recipe
        terms: Tensors = {}
        if "itc" in recipe.terms:
            terms["itc_loss"] = recipe.itc_weight * contrast.itc()
        if "cic" in recipe.terms:
            terms["cic_loss"] = contrast.cic()
            if recipe.feature_term or self.single_modality:
                terms["feature_loss"] = contrast.features()
        self.model.queue.push(contrast.targets or contrast.batch)
        self.model.steps.add_(1)
        return {**terms, "temperature": contrast.temperature}

    def _contrast(self, vectors: Tensors, described: Tensors) -> Contrast:
        batch, queue = _encoded(vectors, described), self._queued()
        targets = {name.removeprefix(TARGET): value for name, value in described.items() if name.startswith(TARGET)}
        relations = self._relate(batch.items, torch.cat([batch.items, queue.items]))
        return Contrast(batch, queue, self.model.cirp.temperature, relations, _encoded(targets, described) if targets else None, self._softness())

    def _relate(self, items: Tensor, candidates: Tensor) -> Relations:
        """Return how items (B,) stand to candidates (K,), of which the queue's empty places are none."""
        at, device = candidates.clamp(min=0), candidates.device
        products, joined = self.products.to(device), self.joined.to(device)
        own = items[:, None] == candidates[None, :]
        return Relations(
            own=own,
            alike=own | (products[items][:, None] == products[at][None, :]),
            known=self.known.contains(items[:, None], at[None, :]) & (candidates >= 0)[None, :],
            weights=self.known.weights_of(items[:, None], at[None, :]) if self.recipe.edge_weights else None,
            joined=joined[at] if self.recipe.by_edges else None,
        )

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


def _encoded(vectors: Tensors, described: Tensors) -> Encoded:
    text, image = (Modality(vectors[name], described[f"has_{name}"]) for name in ("text", "image"))
    return Encoded(described["items"], text, image, vectors["whole"])


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
    """Return the crops (M, 3, S, S) of normalised pixels, channels last in memory: the layout in which convolutions are fastest."""
    grid = F.affine_grid(crops, list(pixels.shape), align_corners=False)
    return F.grid_sample(pixels, grid, padding_mode="border", align_corners=False).contiguous(memory_format=torch.channels_last)


def _judged_items(graph: ItemGraph, seed: int) -> Ints:
    """Return the items among which held-out neighbours are ranked, sorted: their ends, and random others."""
    ends = np.unique(graph.held)
    others = np.setdiff1d(np.random.default_rng(seed).permutation(graph.num_items)[:VALIDATION_ITEMS], ends)
    return np.sort(np.concatenate([ends, others[: max(0, VALIDATION_ITEMS - len(ends))]]))
