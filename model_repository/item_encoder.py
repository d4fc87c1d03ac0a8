"""The item encoder where Triton has no onnxruntime backend: the same ``model.onnx``, run by onnxruntime in the Python backend."""

from pathlib import Path
from typing import Any

import numpy.typing as npt
import onnxruntime

INPUTS = ("input_ids", "attention_mask", "pixels", "has_text", "has_image")
OUTPUTS = ("feature", "content")

Arrays = dict[str, npt.NDArray[Any]]


class Model:
    """One onnxruntime session on one CPU thread: Triton runs requests side by side, not one over all cores."""

    def __init__(self, folder: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"])

    def answer(self, inputs: Arrays) -> Arrays:
        """Return feature (B, d) and content (B, c)."""
        return dict(zip(OUTPUTS, self.session.run(list(OUTPUTS), inputs), strict=True))
