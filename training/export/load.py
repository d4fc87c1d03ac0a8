"""Load what the trainers of one run wrote for the full graph."""

import json
from pathlib import Path

from goeswith.errors import ModelInvalid
from training.bundles.files import load_bundles
from training.cirp.files import load_cirp
from training.dataset import Items
from training.export.preprocess import load_preprocess
from training.export.trained import Trained
from training.mmsc.load import load_mmsc
from training.mmsc.stored import load_vectors
from training.trainer.checkpoint import load_tensors


def load_trained(folder: Path, items: Items) -> Trained:
    """Return the models and vectors below ``{models}/{run}/full``.

    Raises ``ModelInvalid`` for an incomplete folder, one that knows other items, and a control (a modality left out,
    BLIP-2 content) whose inputs differ from those that are served.
    """
    towers, cirp_recipe = load_cirp(folder / "cirp")
    if cirp_recipe.drop:
        raise ModelInvalid(f"CIRP in {folder} was trained without {', '.join(cirp_recipe.drop)}", "export a run that reads both modalities")
    mmsc, mmsc_recipe = load_mmsc(folder / "mmsc")
    for name in ("cirp", "mmsc", "bundles"):
        _check_items(folder / name, items)
    return Trained(
        items=items,
        towers=towers,
        mmsc=mmsc,
        mmsc_recipe=mmsc_recipe,
        preprocess=load_preprocess(folder / "cirp"),
        feature=load_tensors(folder / "cirp" / "vectors.safetensors", "train_cirp")["feature"].numpy(),
        vectors=load_vectors(folder / "mmsc" / "vectors.safetensors"),
        bundles=load_bundles(folder / "bundles"),
    )


def _check_items(folder: Path, items: Items) -> None:
    if tuple(json.loads((folder / "items.json").read_text(encoding="utf-8"))) != items.ids:
        raise ModelInvalid(f"{folder} knows other items than the training set", f"run the job train_{folder.name} again")
