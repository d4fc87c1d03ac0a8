"""The item encoder where Triton has no onnxruntime backend: the same ``model.onnx``, run by onnxruntime in the Python backend."""

from pathlib import Path
from typing import Any

import numpy.typing as npt

from .graph import open_graph

INPUTS = ("input_ids", "attention_mask", "pixels", "has_text", "has_image")
OUTPUTS = ("feature", "content")

Arrays = dict[str, npt.NDArray[Any]]


class Model:
    """One onnxruntime session."""

    def __init__(self, folder: Path) -> None:
        self.session = open_graph(folder / "model.onnx")

    def answer(self, inputs: Arrays) -> Arrays:
        """Return feature (B, d) and content (B, c)."""
        return dict(zip(OUTPUTS, self.session.run(list(OUTPUTS), inputs), strict=True))
