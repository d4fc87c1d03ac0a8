"""The files of an export: one folder a served model, arrays as .npy and JSON, never pickled objects."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from goeswith.results import write_json
from training.dataset import variant_groups
from training.export.bundles import write_bundle_files
from training.export.graphs import write_onnx
from training.export.preprocess import write_preprocess
from training.export.signatures import Sizes
from training.export.trained import Trained
from training.mmsc.recipe import KINDS
from training.mmsc.vectors import AS_NEAR


def write_model_files(trained: Trained, folder: Path) -> dict[str, float]:
    """Write the files of all models but the item encoder below ``folder`` and return the parity of each ONNX graph."""
    write_preprocess(trained.preprocess, folder / "item_preprocess")
    _write_relations(trained, folder / "relations")
    parity = write_bundle_files(trained.bundles, trained.items.ids, folder / "bundle")
    return {"gates": _write_gates(trained, folder / "relations"), **parity}


def sizes_of(trained: Trained) -> Sizes:
    """Return the lengths that the signatures are made of."""
    p = trained.preprocess
    return Sizes(tokens=p.max_tokens, image_px=p.image_px, feature=trained.feature.shape[1], content=trained.vectors.tensors["content"].shape[1])


def _write_gates(trained: Trained, folder: Path) -> float:
    generator = torch.Generator().manual_seed(0)
    inputs = {"content": torch.nn.functional.normalize(torch.randn(4, trained.vectors.tensors["content"].shape[1], generator=generator), dim=-1)}
    for kind in KINDS:
        inputs[f"behaviour_{kind}"] = torch.randn(4, trained.behaviour(kind).shape[1], generator=generator)
    for kind in KINDS:
        inputs[f"known_{kind}"] = torch.tensor([1, 0, 1, 0], dtype=torch.uint8)
    return write_onnx(trained.gates, inputs, ("substitute", "complement_source"), folder / "gates.onnx")


def _write_relations(trained: Trained, folder: Path) -> None:
    v, recipe = trained.vectors, trained.mmsc_recipe
    arrays: dict[str, Any] = {name: v.tensors[name] for name in ("content", "substitute", "complement_source", "complement_target")}
    for kind in KINDS:
        arrays[f"behaviour_{kind}"] = trained.behaviour(kind)
        arrays[f"source_{kind}"] = v.sources(kind).astype(np.uint8)
    folder.mkdir(parents=True)
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", np.ascontiguousarray(array), allow_pickle=False)
    write_json(folder / "cold_start.json", {"neighbours": recipe.cold_neighbours, "closeness": recipe.cold_closeness, "as_near": AS_NEAR})
    items = trained.items
    listed = {
        "ids": items.ids,
        "variants": variant_groups(items).tolist(),
        "categories": items.categories,
        "brands": [b or "" for b in items.brands],
    }
    write_json(folder / "items.json", listed)
