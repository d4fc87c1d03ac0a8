"""What all engines learn: one graph, one recipe, one model to begin with."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from benchmarks.mmsc.made import made_pairs, made_tokens
from training.mmsc.content import Tokens
from training.mmsc.graph import RelationGraph, build_graph
from training.mmsc.model import Mmsc
from training.mmsc.pairs import Split
from training.mmsc.recipe import MmscRecipe, mmsc_small
from training.trainer.loop import TrainerConfig

EPOCHS = 2
"""The first warms up and is not counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """``split.kept`` is the graph and the losses' pairs; none is hidden, for validation is left out of every figure."""

    recipe: MmscRecipe
    tokens: Tokens
    graph: RelationGraph
    split: Split

    def config(self) -> TrainerConfig:
        """Return the trainer's settings as the recipe makes them, but for the epochs."""
        return replace(self.recipe.trainer(self.recipe.epoch_pairs), epochs=EPOCHS)


def build_lesson(items: int, edges: int, steps: int, recipe: MmscRecipe | None = None) -> Lesson:
    """Return a lesson over a made graph; an epoch has ``steps`` whole batches, or fewer where the graph has not as many edges."""
    recipe = recipe or mmsc_small()
    whole = min(steps, edges // recipe.batch)
    recipe = replace(recipe, epoch_pairs=whole * recipe.batch)
    pairs = made_pairs(items, edges, recipe.seed)
    hidden = Split(pairs, pairs.take(slice(0, 0)), np.zeros(0, dtype=np.int64), pairs)
    return Lesson(recipe=recipe, tokens=made_tokens(items, recipe.seed), graph=build_graph(pairs, items), split=hidden)


def build_model(lesson: Lesson) -> Mmsc:
    """Return the model before its first step; x starts as noise, for where it starts from changes no time."""
    torch.manual_seed(lesson.recipe.seed)
    return Mmsc(lesson.recipe, lesson.tokens.sizes, 0.1 * torch.randn(lesson.graph.num_items, lesson.recipe.item_width))
