"""Graphs that both Tritons run, and that equal the modules they come from."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper
from torch import Tensor, nn

from goeswith.errors import ModelInvalid
from training.export.graphs import IR_VERSION, MAX_OPSET, check_graph, check_parity, write_onnx


class Sum(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 2)

    def forward(self, x: Tensor, there: Tensor) -> tuple[Tensor]:
        return (self.linear(x) * there,)


INPUTS = {"x": torch.randn(4, 3), "there": torch.tensor([[1], [0], [1], [1]], dtype=torch.uint8)}


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> tuple[Sum, Path]:
    module, path = Sum().eval(), tmp_path_factory.mktemp("graph") / "model.onnx"
    assert write_onnx(module, INPUTS, ("y",), path) <= 1e-6
    return module, path


@pytest.mark.parametrize("rows", [1, 7, 64])
def test_a_graph_takes_any_batch_and_equals_its_module(graph: tuple[Sum, Path], rows: int) -> None:
    module, path = graph
    x, there = torch.randn(rows, 3), torch.ones(rows, 1, dtype=torch.uint8)
    found = onnxruntime.InferenceSession(str(path)).run(["y"], {"x": x.numpy(), "there": there.numpy()})[0]
    np.testing.assert_allclose(found, module(x, there)[0].detach().numpy(), atol=1e-6)


def test_a_graph_of_other_weights_is_refused(graph: tuple[Sum, Path]) -> None:
    with pytest.raises(ModelInvalid, match="differs from its module by"):
        check_parity(Sum(), INPUTS, ("y",), graph[1])


@pytest.mark.parametrize(("ir", "opset"), [(IR_VERSION + 1, MAX_OPSET), (IR_VERSION, MAX_OPSET + 1)])
def test_a_graph_newer_than_the_servers_is_refused(tmp_path: Path, ir: int, opset: int) -> None:
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", value[:1], value[1:])
    model = helper.make_model(graph, ir_version=ir, opset_imports=[helper.make_opsetid("", opset)])
    onnx.save(model, str(tmp_path / "new.onnx"))
    with pytest.raises(ModelInvalid, match=f"IR {ir}, opset {opset}"):
        check_graph(tmp_path / "new.onnx")
