"""The files of the served bundle completion."""

from dataclasses import asdict
from pathlib import Path

import lightgbm
import numpy as np
import onnx
import onnxruntime
import torch
from onnxmltools import convert_lightgbm
from onnxmltools.convert.common.data_types import FloatTensorType

from goeswith.errors import ModelInvalid
from goeswith.model_contract import TOLERANCE
from goeswith.results import write_json
from training.bundles.fit import Fitted
from training.dataset import Floats
from training.export.graphs import IR_VERSION, check_graph, write_onnx

TREES_OPSET = 15
CHECKED_ROWS = 512
NOTHING = 1e-30


def write_bundle_files(fitted: Fitted, ids: tuple[str, ...], folder: Path) -> dict[str, float]:
    """Write arrays, set encoder and trees, and return the parity of each graph. Raises ``ModelInvalid``."""
    folder.mkdir(parents=True)
    knowledge = fitted.knowledge
    for name, array in knowledge.arrays.items():
        np.save(folder / f"{name}.npy", np.ascontiguousarray(array), allow_pickle=False)
    line = None if fitted.trees is None else (fitted.trees.slope, fitted.trees.intercept)
    write_json(folder / "items.json", {"ids": ids, "settings": asdict(knowledge.settings), "line": line})
    items = torch.from_numpy(knowledge.arrays["set_input"][np.arange(6) % len(ids)]).reshape(2, 3, -1)
    inputs = {"items": items, "mask": torch.tensor([[1.0, 1.0, 1.0], [1.0, 1.0, 0.0]])}
    parity = {"set_encoder": write_onnx(knowledge.encoder, inputs, ("query",), folder / "set_encoder.onnx", free=("batch", "given"))}
    return parity if fitted.trees is None else {**parity, "bundle_trees": write_trees(fitted.trees.booster, folder / "trees.onnx")}


def write_trees(trees: lightgbm.Booster, path: Path) -> float:
    """Write trees as a graph, and return the largest difference between both on random features. Raises ``ModelInvalid``."""
    width = trees.num_feature()
    graph = convert_lightgbm(trees, initial_types=[("features", FloatTensorType([None, width]))], zipmap=False, target_opset=TREES_OPSET)
    graph.ir_version = IR_VERSION
    onnx.save(graph, str(path))
    check_graph(path)
    rows = _features_near(trees, np.random.default_rng(0))
    found = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, {"features": rows})[0].ravel()
    worst = float(np.abs(found - trees.predict(rows, num_threads=1)).max())
    if not worst <= TOLERANCE:
        raise ModelInvalid(f"{path.name} differs from its trees by {worst:.3g}, at most {TOLERANCE:g}", "report this with the recipe")
    return worst


def _features_near(trees: lightgbm.Booster, rng: np.random.Generator) -> Floats:
    """Return rows (R, F) of thresholds and their next greater floats: where a split could fall the other way."""
    splits = trees.trees_to_dataframe()[["split_feature", "threshold"]].dropna()
    names = trees.feature_name()
    rows = np.zeros((CHECKED_ROWS, len(names)), dtype=np.float32)
    for column, name in enumerate(names):
        values = splits.threshold[splits.split_feature == name].to_numpy(np.float32)
        if len(values):
            at = rng.choice(values, CHECKED_ROWS)
            rows[:, column] = np.where(rng.random(CHECKED_ROWS) < 0.5, at, np.nextafter(at, np.float32(np.inf)))
    rows[np.abs(rows) < NOTHING] = 0  # to LightGBM that is 0, and no feature is so small
    return rows
