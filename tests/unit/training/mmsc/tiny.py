"""Small inputs for MMSC's tests: the tiny shop's training set, and CIRP vectors that know category and colour."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from goeswith.profile import Profile
from tests.tiny_shop import CATEGORIES, COLOURS, RUN, write_tiny_lake
from training.dataset import Items, Pairs, TrainingSet, read_training_set
from training.mmsc.content import Tokens
from training.mmsc.recipe import MmscRecipe

SMALL = MmscRecipe(width=24, item_width=16, pool=32, batch=64, epochs=12, fanout=4)


def tiny_data(profile: Profile, graph: str = "full") -> TrainingSet:
    """Return the training set of the tiny shop, written on the way."""
    version = write_tiny_lake(profile)["training_sets"]
    return read_training_set(profile, version=version, run=RUN, graph=graph)


def tiny_vectors(items: Items) -> dict[str, torch.Tensor]:
    """Return CIRP vectors: the text knows the category, the picture the colour; both are noisy."""
    rng = np.random.default_rng(0)
    names, colours = [path[1] for path in CATEGORIES], list(COLOURS)
    text, image = rng.normal(0, 0.1, (len(items), 16)), rng.normal(0, 0.1, (len(items), 12))
    for i, item in enumerate(items.ids):
        category, colour, _ = item.split("-")
        text[i, names.index(category)] += 1
        image[i, colours.index(colour)] += 1
    unit = {name: torch.from_numpy(v / np.linalg.norm(v, axis=1, keepdims=True)).float() for name, v in (("text", text), ("image", image))}
    there = torch.ones(len(items), dtype=torch.uint8)
    return {**unit, "has_text": there, "has_image": there.clone(), "feature": torch.cat(list(unit.values()), dim=1)}


def tiny_tokens(items: Items) -> Tokens:
    """Return ``tiny_vectors`` as tokens."""
    vectors = tiny_vectors(items)
    return Tokens({m: vectors[m][:, None] for m in ("text", "image")}, {m: vectors[f"has_{m}"].bool() for m in ("text", "image")})


def write_tiny_cirp(profile: Profile, items: Items, graph: str, run: str = RUN) -> Path:
    """Write what ``train_cirp`` leaves behind, as far as MMSC reads it."""
    folder = profile.models / run / graph / "cirp"
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tiny_vectors(items), folder / "vectors.safetensors")
    (folder / "items.json").write_text(json.dumps(list(items.ids)), encoding="utf-8")
    (folder / "recipe.json").write_text("{}", encoding="utf-8")
    return folder


def pairs_of(*edges: tuple[int, int, str]) -> Pairs:
    """Return pairs of (src, dst, 's' or 'c'), weight 1."""
    src, dst, letters = (np.array(column) for column in zip(*edges, strict=True)) if edges else (np.zeros(0), np.zeros(0), np.zeros(0, "U1"))
    types = np.array([{"s": "substitute", "c": "complement"}[str(x)] for x in letters], dtype="U10")
    ones = np.ones(len(src))
    return Pairs(src.astype(np.int64), dst.astype(np.int64), types, np.full(len(src), "co_view"), ones.astype(np.float32), ones.astype(np.int64))


def small(**changes: object) -> MmscRecipe:
    """Return the small recipe with other values."""
    return replace(SMALL, **changes)  # type: ignore[arg-type]  # fields checked by pydantic
