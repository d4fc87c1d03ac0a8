"""The folder of a trained bundle completion: arrays, set encoder, trees, and ``recipe.json``, which is written last and says that all is there."""

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
from safetensors.numpy import save_file

from goeswith.config import parse_config
from goeswith.errors import ModelInvalid
from goeswith.results import write_atomically, write_json
from model_repository.completion import Settings
from training.bundles.fit import Fitted
from training.bundles.knowledge import Knowledge
from training.bundles.recipe import BundleRecipe
from training.bundles.set_encoder import SetEncoder
from training.bundles.trees import Trees
from training.trainer.checkpoint import load_tensors, load_weights, read_recipe, save_tensors

TREES = "trees.txt"
TREES_END = "end of trees"
JOB = "train_bundles"


def write_bundles(folder: Path, fitted: Fitted, ids: tuple[str, ...], recipe: BundleRecipe, inputs: str) -> None:
    """Write a whole model; ``inputs`` is the fingerprint of what it was made from."""
    knowledge = fitted.knowledge
    save_file({name: np.ascontiguousarray(array) for name, array in knowledge.arrays.items()}, folder / "arrays.safetensors")
    save_tensors(folder / "set_encoder.safetensors", knowledge.encoder.state_dict())
    if fitted.trees is not None:
        write_atomically(folder / TREES, fitted.trees.booster.model_to_string())
    write_json(folder / "items.json", list(ids))
    line = None if fitted.trees is None else (fitted.trees.slope, fitted.trees.intercept)
    note = {"recipe": asdict(recipe), "settings": asdict(knowledge.settings), "line": line, "inputs": inputs, "summary": fitted.summary}
    write_json(folder / "recipe.json", note)
    for fold in folder.glob("fold-*"):
        shutil.rmtree(fold)


def read_note(folder: Path) -> dict[str, Any]:
    """Return ``recipe.json`` of a complete folder, {} for any other."""
    return read_recipe(folder, JOB)


def load_bundles(folder: Path) -> Fitted:
    """Return a trained model. Raises ``ModelInvalid`` for an incomplete or damaged folder."""
    note = read_note(folder)
    if not note:
        raise ModelInvalid(f"{folder} holds no complete bundle completion", f"run the job {JOB}")
    recipe = parse_config(BundleRecipe, note["recipe"], where=str(folder / "recipe.json"))
    arrays = {name: tensor.numpy() for name, tensor in load_tensors(folder / "arrays.safetensors", JOB).items()}
    encoder = SetEncoder(arrays["set_input"].shape[1], recipe.dim, recipe.heads, recipe.temperature)
    load_weights(encoder, folder / "set_encoder.safetensors", JOB)
    trees = Trees(_load_trees(folder / TREES), *note["line"]) if note["line"] else None
    return Fitted(Knowledge(encoder.eval(), arrays, Settings.of(note["settings"])), trees, note["summary"])


def _load_trees(path: Path) -> lightgbm.Booster:
    """LightGBM takes a file that was cut short for one of fewer trees."""
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    if TREES_END not in text:
        raise ModelInvalid(f"{path} is missing or was cut short", f"delete {path.parent} and run the job {JOB} again")
    return lightgbm.Booster(model_str=text)
