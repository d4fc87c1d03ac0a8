"""Trained modules as ONNX graphs that both Tritons run, each checked against the module that it comes from."""

import logging
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn

from goeswith.errors import ModelInvalid
from goeswith.model_contract import TOLERANCE

IR_VERSION = 10
MAX_OPSET = 20
"""The newest of both that the wheel's onnxruntime and the container's run."""


def write_onnx(module: nn.Module, inputs: Mapping[str, Tensor], outputs: Sequence[str], path: Path, free: Sequence[str] = ("batch",)) -> float:
    """Export ``module``, and return the largest difference between graph and module on ``inputs``.

    ``inputs`` maps argument names to examples of two rows or more; ``free`` names the leading dimensions whose length varies.
    Raises ``ModelInvalid`` where the parity does not hold.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _convert(module.eval(), inputs, outputs, free).save(str(path), external_data=False)
    check_graph(path)
    return check_parity(module, inputs, outputs, path)


def _convert(module: nn.Module, inputs: Mapping[str, Tensor], outputs: Sequence[str], free: Sequence[str]) -> torch.onnx.ONNXProgram:
    lengths = {i: torch.export.Dim(name, min=1, max=4096) for i, name in enumerate(free)}
    for name in ("torch.onnx", "onnxscript"):  # they tell of each operator that is not there, and of each constant that stays
        logging.getLogger(name).setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "# The axis name: ")  # every input has the same free ones
        program = torch.onnx.export(
            module,
            kwargs=dict(inputs),
            dynamo=True,
            dynamic_shapes=dict.fromkeys(inputs, lengths),
            input_names=list(inputs),
            output_names=list(outputs),
            opset_version=MAX_OPSET,
            verbose=False,
        )
    if program is None:
        raise AssertionError("torch.onnx.export with dynamo=True gives a program")
    return program


def check_graph(path: Path) -> None:
    """Raise ``ModelInvalid`` for a graph newer than the servers."""
    graph = onnx.load(str(path), load_external_data=False)
    opset = max(entry.version for entry in graph.opset_import if entry.domain == "")
    if graph.ir_version != IR_VERSION or opset > MAX_OPSET:
        raise ModelInvalid(f"{path.name}: IR {graph.ir_version}, opset {opset}", f"export with IR {IR_VERSION} and opset <= {MAX_OPSET}")


def check_parity(module: nn.Module, inputs: Mapping[str, Tensor], outputs: Sequence[str], path: Path) -> float:
    """Return the largest difference between graph and module, on the whole batch and on one row alone. Raises ``ModelInvalid``."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    worst = 0.0
    for rows in (slice(None), slice(0, 1)):
        part = {name: tensor[rows] for name, tensor in inputs.items()}
        with torch.no_grad():
            said = module(**part)
        wanted = (said,) if isinstance(said, Tensor) else said
        found = session.run(list(outputs), {name: tensor.numpy() for name, tensor in part.items()})
        worst = max([worst, *(float(np.abs(w.numpy() - f).max()) for w, f in zip(wanted, found, strict=True))])
    if not worst <= TOLERANCE:
        raise ModelInvalid(f"{path.name} differs from its module by {worst:.3g}, at most {TOLERANCE:g}", "report this with the recipe")
    return worst
