"""ONNX graphs as the models here run them."""

from pathlib import Path

import onnxruntime


def open_graph(path: Path) -> onnxruntime.InferenceSession:
    """Return a graph on one CPU thread: Triton runs requests side by side, not one over all cores."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
