"""From a training set and a recipe to a complete model folder; a run that was killed goes on, a finished one is left alone."""

import logging
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from goeswith.profile import Profile
from goeswith.results import write_json
from training.checkpoint import begin, fingerprint, remove_checkpoints
from training.cirp.files import read_summary, write_model, write_vectors
from training.cirp.inputs import ItemInputs, build_inputs, teach_words
from training.cirp.model import Cirp, build_cirp, compile_towers
from training.cirp.neighbours import ItemGraph, build_graph
from training.cirp.recipe import CirpRecipe, Stage
from training.cirp.space import describe_space
from training.cirp.task import CirpTask
from training.cirp.vectors import encode_all, forget_blocks
from training.dataset import TrainingSet
from training.ranks import ALONE, Ranks
from training.trainer import Row, TrainerConfig, fit, scale_lr

CHECKPOINT_EVERY = 25
"""Optimizer steps: a step takes seconds."""
BEFORE = "before"
"""Folder of the first stage, until the second is done."""
UNTRAINED, SPACE = "untrained", "space.json"
"""Folder of the encoder before its first step, and what its space is like."""

logger = logging.getLogger(__name__)


def train(
    training: TrainingSet, recipe: CirpRecipe, folder: Path, profile: Profile, *, keep_untrained: bool = False, ranks: Ranks = ALONE
) -> dict[str, Any]:
    """Train CIRP, write its folder (``recipe.json`` last) and return its summary; the same inputs again change nothing.

    ``keep_untrained`` writes the vectors of the encoder before its first step to ``folder/untrained``, for the tables. Of several processes
    (``ranks``) the first alone writes.
    """
    inputs_hash = fingerprint({"recipe": asdict(recipe), "data": describe_data(training)})
    done = read_summary(folder)
    if done and done["inputs"] == inputs_hash:
        return {**done, "unchanged": True}
    torch.manual_seed(recipe.seed)
    model, graph = build_cirp(recipe), build_graph(training, recipe)
    with ranks.first_alone():
        begin(folder, {"inputs": inputs_hash})
    if keep_untrained or recipe.before is None:
        inputs = _build_inputs(training, model, recipe, profile, ranks)
    if keep_untrained and ranks.first:
        _write_untrained(folder / UNTRAINED, training, model, inputs, recipe)
    if recipe.before is not None:
        _train_before(training, recipe, recipe.before, folder / BEFORE, profile, ranks)
        model.load_state_dict(load_file(folder / BEFORE / "model.safetensors"))
        inputs = _build_inputs(training, model, recipe, profile, ranks)  # its frozen layers are others now
    curve = [] if recipe.untrained else _fit(model, inputs, graph, recipe, folder, inputs_hash, ranks)
    if ranks.first:
        vectors = encode_all(model, inputs, recipe.max_tokens, folder)
        write_vectors(folder, training.items.ids, vectors)
        forget_blocks(folder)
        space = describe_space(model, vectors)
        write_model(folder, model, recipe, {"inputs": inputs_hash, **summarise(training, inputs, graph, curve), "space": space})
        remove_checkpoints(folder)
        shutil.rmtree(folder / BEFORE, ignore_errors=True)
    ranks.wait()
    return read_summary(folder)


def _write_untrained(folder: Path, training: TrainingSet, model: Cirp, inputs: ItemInputs, recipe: CirpRecipe) -> None:
    vectors = encode_all(model, inputs, recipe.max_tokens, folder)
    write_vectors(folder, training.items.ids, vectors)
    forget_blocks(folder)
    write_json(folder / SPACE, describe_space(model, vectors))


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


def describe_data(training: TrainingSet) -> dict[str, str]:
    """Return what of the training set decides the result."""
    items, pairs = training.items, training.pairs
    arrays = (pairs.src, pairs.dst, pairs.weights)
    return {
        "items": fingerprint({"ids": items.ids, "texts": items.texts(), "images": items.images}),
        "pairs": fingerprint({"arrays": [a.tolist() for a in arrays], "relations": pairs.relations.tolist()}),
    }


def summarise(training: TrainingSet, inputs: ItemInputs, graph: ItemGraph, curve: list[Row]) -> dict[str, Any]:
    """Return figures about what was trained on what, and what the source lacked."""
    there = inputs.modalities
    notes = [
        f"no item has {'a text' if name == 'text' else 'a picture'}: CIC is {'intra-modal only' if any(there.values()) else 'empty'}, ITC is empty"
        for name, n in there.items()
        if not n
    ]
    if not len(graph.edges):
        notes.append("no items were bought together: ITC only, no relation is learned")
    best = max((row["score"] for row in curve if "score" in row), default=None)
    counts = {
        "items": len(training.items),
        "edges": len(graph.edges),
        "held_out_edges": len(graph.held),
        **{f"with_{name}": n for name, n in there.items()},
    }
    updates = int(curve[-1]["items"]) if curve else 0
    seconds = round(sum(row["seconds"] for row in curve), 1)
    done = {"epochs": len(curve), "item_updates": updates, "train_s": seconds, "validation_mrr": best}
    return {"graph": training.graph, **counts, **done, "notes": notes}


def _fit(model: Cirp, inputs: ItemInputs, graph: ItemGraph, recipe: CirpRecipe, folder: Path, inputs_hash: str, ranks: Ranks) -> list[Row]:
    task = CirpTask(model, inputs, graph, recipe)
    if recipe.compiled:
        compile_towers(model)
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
    )
    curve = fit(task, config, folder, recipe={"inputs": inputs_hash}, what="CIRP", ranks=ranks)
    model.to("cpu")
    return curve
