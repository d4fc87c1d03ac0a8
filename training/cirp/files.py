"""The folder of a trained CIRP: weights, tokenizer, vectors, and ``recipe.json``, which is written last and says that all is there."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import Tensor

from goeswith.config import parse_config
from goeswith.errors import ModelInvalid
from goeswith.results import write_atomically, write_json
from training.cirp.model import Cirp, build_cirp
from training.cirp.recipe import CirpRecipe
from training.cirp.towers import tokenizer_folder
from training.pictures import CLIP_MEAN, CLIP_STD
from training.trainer.checkpoint import load_weights, read_recipe, save_tensors

WEIGHTS = "model.safetensors"


def write_vectors(folder: Path, ids: tuple[str, ...], vectors: Mapping[str, Tensor]) -> None:
    """Write ``items.json`` and ``vectors.safetensors``."""
    save_tensors(folder / "vectors.safetensors", vectors)
    write_json(folder / "items.json", list(ids))


def write_model(folder: Path, model: Cirp, recipe: CirpRecipe, summary: Mapping[str, Any]) -> None:
    """Write the whole model (frozen layers too: the folder needs no other file) and its recipe."""
    save_tensors(folder / WEIGHTS, model.state_dict())
    write_atomically(folder / "tokenizer.json", (tokenizer_folder(recipe) / "tokenizer.json").read_text(encoding="utf-8"))
    preprocess = {"image_px": recipe.image_px, "max_tokens": recipe.max_tokens, "mean": CLIP_MEAN, "std": CLIP_STD}
    write_json(folder / "recipe.json", {"recipe": asdict(recipe), "preprocess": preprocess, "dim": model.dim, **summary})


def read_summary(folder: Path) -> dict[str, Any]:
    """Return ``recipe.json`` of a complete folder, {} for any other."""
    return read_recipe(folder, "train_cirp")


def load_cirp(folder: Path) -> tuple[Cirp, CirpRecipe]:
    """Return a trained model, ready to encode, and its recipe. Raises ``ModelInvalid`` for an incomplete or damaged folder."""
    stored = read_summary(folder)
    if not stored:
        raise ModelInvalid(f"{folder} holds no complete CIRP", "run the job train_cirp")
    recipe = parse_config(CirpRecipe, stored["recipe"], where=str(folder / "recipe.json"))
    model = build_cirp(recipe)
    load_weights(model, folder / WEIGHTS, "train_cirp")
    return model.eval(), recipe
