"""Where the content head's frozen tokens come from: CIRP's towers."""

import json
from pathlib import Path

import torch

from goeswith.errors import ModelInvalid
from training.dataset import Items
from training.mmsc.content import Tokens
from training.trainer.checkpoint import load_tensors


def read_cirp_tokens(folder: Path, items: Items) -> Tokens:
    """Return one text and one image token an item, CIRP's tower outputs. Raises ``ModelInvalid`` where they are of other items."""
    if not (folder / "recipe.json").is_file():
        raise ModelInvalid(f"{folder} holds no complete CIRP", "run the job train_cirp for the same run and graph")
    if tuple(json.loads((folder / "items.json").read_text(encoding="utf-8"))) != items.ids:
        raise ModelInvalid(f"CIRP in {folder} knows other items than the training set", "run the job train_cirp again")
    tensors = load_tensors(folder / "vectors.safetensors", "train_cirp")
    values = {m: tensors[m][:, None, :].float() for m in ("text", "image")}
    return Tokens(values, {m: tensors[f"has_{m}"].to(torch.bool) for m in values})
