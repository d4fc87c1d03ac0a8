"""What both engines learn: which shop, by which recipe, in which batches, on which device."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch

from benchmarks.cirp.blip import blip_base, make_blip
from benchmarks.cirp.runs import EPOCHS
from benchmarks.cirp.shop import Shop
from training.cirp.neighbours import ItemGraph, build_graph
from training.cirp.recipe import CirpRecipe, cirp_blip_base, cirp_small
from training.cirp.task import CirpTask
from training.dataset import Ints

FROZEN, LEARNS, BLIP = "frozen_text", "last_layer_learns", "blip"
SLICES = (FROZEN, LEARNS, BLIP)
Precision = Literal["float32", "bfloat16"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """One slice; what an engine writes lies below ``folder``."""

    shop: Shop
    recipe: CirpRecipe
    graph: ItemGraph
    device: torch.device

    @property
    def folder(self) -> Path:
        """Where engines may write."""
        return self.shop.home.root

    @property
    def budget_epochs(self) -> int:
        """Epochs of the recipe's whole budget, as the job ``train_cirp`` counts them."""
        return max(1, min(self.recipe.max_epochs, self.recipe.item_updates // self.graph.num_items))


def recipe_of(name: str, precision: Precision, *, weights: str = "", compiled: bool = False) -> CirpRecipe:
    """Return the recipe of a slice; ``weights`` is a BLIP's folder, for ``compiled`` towers a GPU is needed.

    Where a layer learns, texts are cut at the tokens that training reads: no engine computes, in layers below, what is then thrown away.
    BLIP is measured in its second stage, the lower halves frozen; a GPU of 80 GB need not compute layers twice to save memory.
    """
    if name == BLIP:
        blip = cirp_blip_base()
        return replace(blip, weights=weights, precision=precision, before=None, max_tokens=blip.train_tokens, save_memory=False, compiled=compiled)
    recipe = replace(cirp_small(), precision=precision)
    return recipe if name == FROZEN else replace(recipe, trained_text_layers=1, max_tokens=recipe.train_tokens)


def build_lesson(name: str, shop: Shop, precision: Precision, device: torch.device) -> Lesson:
    """Return a slice's lesson. No edge is held out: validation is left out of every figure, on both sides."""
    weights = str(make_blip(shop.home.root / "blip-base", blip_base())) if name == BLIP else ""
    recipe = recipe_of(name, precision, weights=weights, compiled=device.type == "cuda")
    graph = build_graph(shop.training, recipe)
    return Lesson(shop=shop, recipe=recipe, graph=replace(graph, held=graph.held[:0]), device=device)


def timed_batches(task: CirpTask, epochs: int = EPOCHS) -> Iterator[Ints]:
    """Yield the items (B,) of every batch that is timed: those of the trainer's second epoch and on, by its own seeds."""
    for epoch in range(1, 1 + epochs):
        generator = torch.Generator().manual_seed(task.recipe.seed * 1_000_003 + epoch)
        yield from (plan.items for plan in task.plans(generator))
