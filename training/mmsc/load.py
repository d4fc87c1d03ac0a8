"""Load what the trainer wrote of MMSC itself: the model that reads an item, known or new."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from goeswith.config import parse_config
from goeswith.errors import ModelInvalid
from training.mmsc.model import Mmsc
from training.mmsc.recipe import MmscRecipe
from training.trainer.checkpoint import load_tensors

MODALITIES = ("text", "image")


def load_mmsc(folder: Path) -> tuple[Mmsc, MmscRecipe]:
    """Return a trained MMSC, ready to encode, and its recipe. Raises ``ModelInvalid``."""
    note = _read_note(folder)
    recipe = parse_config(MmscRecipe, note["recipe"], where=str(folder / "recipe.json"))
    if recipe.tokens != "cirp" or recipe.modalities != MODALITIES:
        raise ModelInvalid(
            f"MMSC in {folder} reads {recipe.tokens} tokens of {recipe.modalities}", "take a run that reads CIRP's text and image vectors"
        )
    state = load_tensors(folder / "model.safetensors", "train_mmsc")
    sizes = {m: state[f"content.project.{m}.weight"].shape[1] for m in MODALITIES}
    untaught: dict[str, Any] = {f"{kind}_paths": () for kind in note["by_content"]}
    model = Mmsc(replace(recipe, **untaught), sizes, torch.zeros_like(state["items"]))
    model.load_state_dict(state)
    return model.eval(), recipe


def _read_note(folder: Path) -> dict[str, Any]:
    path = folder / "recipe.json"
    if not path.is_file():
        raise ModelInvalid(f"{folder} holds no complete MMSC", "run the job train_mmsc for graph 'full'")
    note: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return note
