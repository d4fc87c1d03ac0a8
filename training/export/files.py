"""The files of an export: one folder a served model, arrays as .npy and JSON, never pickled objects."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from goeswith.results import write_json
from model_repository.relations import TARGETS
from training.dataset import Items, variant_groups
from training.export.bundles import write_bundle_files
from training.export.graphs import write_onnx
from training.export.index import write_index
from training.export.modules import Gates
from training.export.preprocess import write_preprocess
from training.export.signatures import Sizes
from training.export.trained import Trained
from training.mmsc.model import Mmsc
from training.mmsc.recipe import KINDS, MmscRecipe
from training.mmsc.stored import StoredVectors
from training.mmsc.vectors import AS_NEAR


def write_model_files(trained: Trained, folder: Path) -> dict[str, float]:
    """Write the files of all models but the item encoder below ``folder`` and return the parity of each ONNX graph."""
    write_preprocess(trained.preprocess, folder / "item_preprocess")
    related = Related(trained.items, trained.vectors, trained.mmsc, trained.mmsc_recipe)
    parity = {"gates": write_relations(related, folder / "relations")}
    return {**parity, **write_bundle_files(trained.bundles, trained.items.ids, folder / "bundle")}


def sizes_of(trained: Trained) -> Sizes:
    """Return the lengths that the signatures are made of."""
    p = trained.preprocess
    return Sizes(tokens=p.max_tokens, image_px=p.image_px, feature=trained.feature.shape[1], content=trained.vectors.tensors["content"].shape[1])


@dataclass(frozen=True, slots=True)
class Related:
    """What the served model ``relations`` is made of: N items, their vectors, and the model whose gates a new item passes."""

    items: Items
    vectors: StoredVectors
    mmsc: Mmsc
    recipe: MmscRecipe


def write_relations(related: Related, folder: Path) -> float:
    """Write the model ``relations`` to ``folder`` and return the parity of its gates with their module."""
    v, recipe = related.vectors, related.recipe
    arrays: dict[str, Any] = {name: v.tensors[name] for name in ("content", "substitute", "complement_source", "complement_target")}
    for kind in KINDS:
        arrays[f"behaviour_{kind}"] = v.tensors[f"behaviour_{kind}"]
        arrays[f"source_{kind}"] = v.sources(kind).astype(np.uint8)
    folder.mkdir(parents=True)
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", np.ascontiguousarray(array), allow_pickle=False)
    write_json(folder / "cold_start.json", {"neighbours": recipe.cold_neighbours, "closeness": recipe.cold_closeness, "as_near": AS_NEAR})
    for name in TARGETS.values():
        write_index(arrays[name], folder, name)
    write_json(folder / "items.json", _listed(related.items))
    return _write_gates(related, folder)


def _listed(items: Items) -> dict[str, Any]:
    names = {"ids": items.ids, "categories": items.categories, "brands": [b or "" for b in items.brands]}
    return {**names, "variants": variant_groups(items).tolist()}


def _write_gates(related: Related, folder: Path) -> float:
    generator, widths = torch.Generator().manual_seed(0), {name: rows.shape[-1] for name, rows in related.vectors.tensors.items()}
    inputs = {"content": torch.nn.functional.normalize(torch.randn(4, widths["content"], generator=generator), dim=-1)}
    for kind in KINDS:
        inputs[f"behaviour_{kind}"] = torch.randn(4, widths[f"behaviour_{kind}"], generator=generator)
    for kind in KINDS:
        inputs[f"known_{kind}"] = torch.tensor([1, 0, 1, 0], dtype=torch.uint8)
    return write_onnx(Gates(related.mmsc).eval(), inputs, ("substitute", "complement_source"), folder / "gates.onnx")
