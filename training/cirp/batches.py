"""Which items make a batch of CIRP's, and how their pictures are cropped: all that is random in it."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from training.cirp.neighbours import ItemGraph, NeighbourSampler
from training.cirp.recipe import CirpRecipe
from training.dataset import Bools, Ints

SMALLEST_CROP = 0.75


class Plan(NamedTuple):
    """Which items make a batch, and how their pictures are cropped."""

    items: Ints
    crops: Tensor
    """(M, 2, 3) affine maps of the M pictures that there are: random crop and horizontal flip."""


class BatchPlanner:
    """Plans an epoch: batches for about as many item updates as there are items."""

    def __init__(self, graph: ItemGraph, recipe: CirpRecipe, has_image: Bools) -> None:
        self.graph, self.recipe, self.has_image = graph, recipe, has_image
        self.sampler = NeighbourSampler(graph, by_weight=recipe.by_weight)

    @property
    def count(self) -> int:
        """How many batches an epoch has."""
        return max(1, self.graph.num_items // self.recipe.batch)

    def plans(self, generator: torch.Generator) -> Iterator[Plan]:
        """Yield the batches of an epoch: ends of edges beside items without any or, where items lead, each with some of its neighbours."""
        for part in self.leaders(generator)[: self.count]:
            drawn = part[:0] if self.recipe.by_edges else self.sampler.draw(part, self.recipe.neighbours, generator)
            items = np.unique(torch.cat([part, drawn]).numpy())
            yield Plan(items, random_crops(int(self.has_image[items].sum()), generator))

    def leaders(self, generator: torch.Generator) -> list[Tensor]:
        """Return the items that lead each batch; where the recipe says so, those of a batch are of one category."""
        if self.recipe.by_edges and len(self.graph.edges):
            return ends_and_others(self.graph, self.count, self.recipe.batch, generator)
        order = torch.randperm(self.graph.num_items, generator=generator)
        count = max(1, self.recipe.batch // (1 + self.recipe.neighbours))
        if not self.recipe.one_category:
            return list(torch.split(order, count))
        by_category = order[torch.argsort(torch.from_numpy(self.graph.categories)[order], stable=True)]
        groups = torch.split(by_category, count)
        return [groups[at] for at in torch.randperm(len(groups), generator=generator).tolist()]


def ends_and_others(graph: ItemGraph, batches: int, size: int, generator: torch.Generator) -> list[Tensor]:
    """Return the ends of random edges, three quarters of each batch of ``size``, beside some of the items that have none: ITC reads these, too."""
    order = torch.randperm(graph.num_items, generator=generator)
    drawn = torch.randint(len(graph.edges), (batches, max(1, size * 3 // 8)), generator=generator)
    lone = order[~torch.from_numpy(graph.joined)[order]]
    others = lone[: batches * (size // 4)].tensor_split(batches)
    return [torch.cat([torch.from_numpy(graph.edges)[at].flatten(), some]) for at, some in zip(drawn, others, strict=True)]


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
