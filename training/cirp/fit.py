"""From a training set and a recipe to a complete model folder; a run that was killed goes on, a finished one is left alone."""

import logging
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from goeswith.profile import Profile
from goeswith.results import write_json
from training.bundle_cases import BundleCases
from training.cirp.files import WEIGHTS, read_summary, write_model, write_vectors
from training.cirp.inputs import ItemInputs, build_inputs, teach_words
from training.cirp.maps import MapChoice, choose_maps, features_of, repeat_maps
from training.cirp.model import Cirp, build_cirp
from training.cirp.neighbours import ItemGraph, build_graph
from training.cirp.recipe import CirpRecipe, Stage
from training.cirp.space import Space, describe_space
from training.cirp.summary import describe_data, summarise
from training.cirp.task import CirpTask
from training.cirp.validation import FEWEST_CASES, HeldPairs, HeldUnits, Validation
from training.cirp.vectors import encode_all, forget_blocks
from training.dataset import TrainingSet
from training.trainer.checkpoint import begin, fingerprint, load_weights, remove_checkpoints
from training.trainer.device import choose_device
from training.trainer.loop import Row, TrainerConfig, fit, scale_lr
from training.trainer.ranks import ALONE, Ranks
from training.trainer.task import Tensors

CHECKPOINT_EVERY, CHECKPOINT_PAUSE = 25, 19.0
"""Optimizer steps, which take seconds on a processor, and how long to wait where they take milliseconds."""
BEFORE, MAPS = "before", "maps"
"""Folders of the first stage, until the second is done, and of the last one, until the model is written."""
UNTRAINED, SPACE = "untrained", "space.json"
"""Folder of the encoder before its first step, and what its space is like."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What the last stage's choice is made by: ``cases`` of validation, or what was ``decided`` by these on fewer edges; else held-out pairs."""

    cases: BundleCases | None = None
    decided: MapChoice | None = None

    def describe(self) -> dict[str, Any]:
        """Return JSON values that differ where the result may."""
        cases = None if self.cases is None else {"units": self.cases.units, "unit": self.cases.unit.tolist(), "target": self.cases.target.tolist()}
        return {"cases": cases, "decided": None if self.decided is None else (self.decided.trial, self.decided.steps)}


def train(
    training: TrainingSet,
    recipe: CirpRecipe,
    folder: Path,
    profile: Profile,
    *,
    chosen: Chosen | None = None,
    keep_untrained: bool = False,
    ranks: Ranks = ALONE,
) -> dict[str, Any]:
    """Train CIRP, write its folder (``recipe.json`` last) and return its summary; the same inputs again change nothing.

    ``keep_untrained`` writes the vectors of the encoder before its first step to ``folder/untrained``, for the tables. Of several processes
    (``ranks``) the first alone writes.
    """
    chosen = chosen or Chosen()
    inputs_hash = fingerprint({"recipe": asdict(recipe), "data": describe_data(training), "chosen": chosen.describe()})
    done = read_summary(folder)
    if done and done["inputs"] == inputs_hash:
        return {**done, "unchanged": True}
    torch.manual_seed(recipe.seed)
    model, graph = build_cirp(recipe).to(choose_device("auto")), build_graph(training, recipe)
    with ranks.first_alone():
        begin(folder, {"inputs": inputs_hash})
    if keep_untrained or recipe.before is None:
        inputs = _build_inputs(training, model, recipe, profile, ranks)
    if keep_untrained and ranks.first:
        before = folder / UNTRAINED
        write_json(before / SPACE, _write_vectors(before, training, model, encode_all(model, inputs, recipe.max_tokens, before)))
    if recipe.before is not None:
        _train_before(training, recipe, recipe.before, folder / BEFORE, profile, ranks)
        load_weights(model, folder / BEFORE / WEIGHTS, "train_cirp")
        inputs = _build_inputs(training, model, recipe, profile, ranks)  # its frozen layers are others now
    curve = [] if recipe.untrained else _fit(model, inputs, graph, recipe, folder, inputs_hash, ranks)
    if ranks.first:
        vectors = encode_all(model, inputs, recipe.max_tokens, folder)
        model.to("cpu")
        maps = _learn_maps(model, vectors, graph, recipe, chosen, folder / MAPS, inputs_hash)
        space = _write_vectors(folder, training, model, vectors)
        write_model(folder, model, recipe, {"inputs": inputs_hash, **summarise(training, inputs, graph, curve, maps), "space": space})
        remove_checkpoints(folder)
        for done_with in (BEFORE, MAPS):
            shutil.rmtree(folder / done_with, ignore_errors=True)
    ranks.wait()
    return read_summary(folder)


def _write_vectors(folder: Path, training: TrainingSet, model: Cirp, vectors: Tensors) -> Space:
    """Write what an encoder says of all items, and return what its space is like."""
    write_vectors(folder, training.items.ids, vectors)
    forget_blocks(folder)
    return describe_space(model, vectors)


def _build_inputs(training: TrainingSet, model: Cirp, recipe: CirpRecipe, profile: Profile, ranks: Ranks) -> ItemInputs:
    """Let the first process fill the caches that the others read, and the model read the words of all texts."""
    with ranks.first_alone():
        inputs = build_inputs(training.items, model, recipe, profile)
    teach_words(model, inputs, recipe)
    return inputs


def _train_before(training: TrainingSet, recipe: CirpRecipe, stage: Stage, folder: Path, profile: Profile, ranks: Ranks) -> None:
    """Train the whole towers by ITC alone: the model that this recipe begins with."""
    itc = replace(
        recipe,
        before=None,
        terms=("itc",),
        lr=stage.lr,
        max_epochs=stage.epochs,
        item_updates=stage.epochs * len(training.items),
        trained_text_layers=stage.trained_text_layers,
        trained_image_layers=stage.trained_image_layers,
    )
    train(training, itc, folder, profile, ranks=ranks)


def _fit(model: Cirp, inputs: ItemInputs, graph: ItemGraph, recipe: CirpRecipe, folder: Path, inputs_hash: str, ranks: Ranks) -> list[Row]:
    task = CirpTask(model, inputs, graph, recipe)
    epochs = max(1, min(recipe.max_epochs, recipe.item_updates // graph.num_items))
    steps = max(1, epochs * (task.steps_per_epoch() // recipe.accumulate))
    scale_lr(model.text_projection, min(1.0, (recipe.projection_steps or steps) / steps))
    config = TrainerConfig(
        epochs=epochs,
        lr=recipe.lr,
        weight_decay=recipe.weight_decay,
        warmup=recipe.warmup,
        schedule="cosine" if recipe.towers == "small" else "constant",
        accumulate=recipe.accumulate,
        precision=recipe.precision,
        seed=recipe.seed,
        checkpoint_every=CHECKPOINT_EVERY,
        checkpoint_pause=CHECKPOINT_PAUSE,
    )
    return fit(task, config, folder, recipe={"inputs": inputs_hash}, what="CIRP", ranks=ranks)


def _learn_maps(
    model: Cirp, vectors: Tensors, graph: ItemGraph, recipe: CirpRecipe, chosen: Chosen, folder: Path, inputs_hash: str
) -> MapChoice | None:
    """Let maps learn beside still towers, put their features into ``vectors``, and return the choice; None where the recipe has no such stage."""
    if recipe.untrained or not recipe.maps or "cic" not in recipe.terms or not len(graph.edges):
        return None
    choice = _choose(model, vectors, graph, recipe, chosen, folder, {"inputs": inputs_hash})
    if choice is None:
        return None
    vectors["feature"] = features_of(model, vectors, torch.arange(graph.num_items))
    model.to("cpu")
    return choice


def _choose(
    model: Cirp, vectors: Tensors, graph: ItemGraph, recipe: CirpRecipe, chosen: Chosen, folder: Path, inputs: dict[str, str]
) -> MapChoice | None:
    """Do what was decided, or decide; None where there is nothing to decide by."""
    if chosen.decided is not None:
        return repeat_maps(model, vectors, graph, recipe, chosen.decided, folder, inputs)
    validation = _validation_of(graph, recipe, chosen)
    return None if validation is None else choose_maps(model, vectors, graph, recipe, validation, folder, inputs)


def _validation_of(graph: ItemGraph, recipe: CirpRecipe, chosen: Chosen) -> Validation | None:
    if chosen.cases is not None and len(chosen.cases) >= FEWEST_CASES:
        return HeldUnits(chosen.cases, graph.num_items)
    return HeldPairs(graph, recipe.seed) if len(graph.held) else None
