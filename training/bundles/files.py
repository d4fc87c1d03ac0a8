"""The folder of a trained bundle completion: arrays, set encoder, trees, and ``recipe.json``, which is written last and says that all is there."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
from safetensors.numpy import load_file, save_file
from safetensors.torch import load_file as load_tensors

from goeswith.config import parse_config
from goeswith.errors import ModelInvalid
from goeswith.results import write_atomically, write_json
from model_repository.completion import Settings
from training.bundles.fit import Fitted
from training.bundles.knowledge import Knowledge
from training.bundles.recipe import BundleRecipe
from training.bundles.set_encoder import SetEncoder
from training.bundles.trees import Trees
from training.checkpoint import save_tensors

TREES = "trees.txt"


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
    path = folder / "recipe.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return found


def load_bundles(folder: Path) -> Fitted:
    """Return a trained model. Raises ``ModelInvalid`` for an incomplete folder."""
    note = read_note(folder)
    if not note:
        raise ModelInvalid(f"{folder} holds no complete bundle completion", "run the job train_bundles")
    recipe = parse_config(BundleRecipe, note["recipe"], where=str(folder / "recipe.json"))
    arrays = dict(load_file(folder / "arrays.safetensors"))
    encoder = SetEncoder(arrays["set_input"].shape[1], recipe.dim, recipe.heads, recipe.temperature)
    encoder.load_state_dict(load_tensors(folder / "set_encoder.safetensors"))
    trees = Trees(lightgbm.Booster(model_file=str(folder / TREES)), *note["line"]) if note["line"] else None
    return Fitted(Knowledge(encoder.eval(), arrays, Settings.of(note["settings"])), trees, note["summary"])
