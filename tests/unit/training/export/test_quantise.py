"""An int8 graph is smaller, near its float32 twin, and a function of each row alone."""

from contextlib import nullcontext
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import numpy_helper
from torch import Tensor, nn

from goeswith.errors import ModelInvalid
from training.export.graphs import write_onnx
from training.export.quantise import WEIGHT_MAX, check_rows, write_int8

WIDTH = 32


class Bag(nn.Module):
    """A table, a sum over weighted tokens, a product with a bias, one without, and one of two inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(500, WIDTH)
        self.hidden, self.out = nn.Linear(WIDTH, 2 * WIDTH), nn.Linear(2 * WIDTH, 8, bias=False)

    def forward(self, ids: Tensor, weights: Tensor) -> Tensor:
        found = (self.table(ids) * weights[..., None]).sum(1)
        tokens: Tensor = self.table(ids) @ self.out(torch.relu(self.hidden(found)))[:, None].repeat(1, WIDTH, 1)
        return tokens.mean(1)


def examples(rows: int, seed: int = 0) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {"ids": torch.randint(0, 500, (rows, 6), generator=generator), "weights": torch.rand(rows, 6, generator=generator)}


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Bag, Path, Path]:
    torch.manual_seed(0)
    module, folder = Bag().eval(), tmp_path_factory.mktemp("graphs")
    write_onnx(module, examples(4), ("y",), folder / "float32.onnx")
    write_int8(folder / "float32.onnx", examples(4), folder / "int8.onnx")
    return module, folder / "float32.onnx", folder / "int8.onnx"


def run(path: Path, inputs: dict[str, Tensor]) -> np.ndarray:
    found: np.ndarray = onnxruntime.InferenceSession(str(path)).run(None, {name: tensor.numpy() for name, tensor in inputs.items()})[0]
    return found


def test_tables_and_weights_are_int8_and_what_is_no_weight_stays(graphs: tuple[Bag, Path, Path]) -> None:
    kinds = {path: [node.op_type for node in onnx.load(str(path)).graph.node] for path in graphs[1:]}
    large = [t for t in onnx.load(str(graphs[2])).graph.initializer if len(t.dims) == 2 and min(t.dims) > 1]
    assert {numpy_helper.to_array(t).dtype for t in large} == {np.dtype(np.int8)}
    assert {entry.domain for entry in onnx.load(str(graphs[2])).opset_import} == {""}  # operators that every onnxruntime has
    assert kinds[graphs[2]].count("MatMulInteger") == 2
    assert kinds[graphs[2]].count("MatMul") == 1
    assert graphs[2].stat().st_size < 0.5 * graphs[1].stat().st_size


@pytest.mark.parametrize("rows", [1, 7, 64])
def test_a_batch_of_any_length_is_answered_nearly_as_the_module_does(graphs: tuple[Bag, Path, Path], rows: int) -> None:
    inputs = examples(rows, seed=rows)
    wanted, found = graphs[0](**inputs).detach().numpy(), run(graphs[2], inputs)
    assert np.linalg.norm(found - wanted) < 0.03 * np.linalg.norm(wanted)
    assert np.linalg.norm(found - wanted) > 0


def test_a_row_is_answered_alone_as_among_others(graphs: tuple[Bag, Path, Path]) -> None:
    inputs = examples(16)
    inputs["weights"][1:] *= 100  # one scale for all rows would leave the first two bits
    alone = run(graphs[2], {name: tensor[:1] for name, tensor in inputs.items()})
    np.testing.assert_allclose(alone[0], run(graphs[2], inputs)[0], atol=1e-6)


WEIGHT = np.random.default_rng(0).normal(size=(64, 96)).astype(np.float32)


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_product(tmp_path_factory.mktemp("product"), WEIGHT)


def write_product(folder: Path, weight: np.ndarray) -> Path:
    """Return an int8 graph of x @ weight."""
    x, y = (onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n", size]) for name, size in zip("xy", weight.shape, strict=True))
    node = onnx.helper.make_node("MatMul", ["x", "w"], ["y"])
    graph = onnx.helper.make_graph([node], "g", [x], [y], [numpy_helper.from_array(weight, "w")])
    onnx.save(onnx.helper.make_model(graph, ir_version=10, opset_imports=[onnx.helper.make_opsetid("", 20)]), str(folder / "float32.onnx"))
    write_int8(folder / "float32.onnx", {"x": torch.ones(2, len(weight))}, folder / "int8.onnx")
    return folder / "int8.onnx"


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), power=st.floats(-4, 4), shift=st.floats(-20, 20))
def test_no_product_is_further_off_than_half_a_step_of_each_factor(product: Path, seed: int, power: float, shift: float) -> None:
    x = (np.random.default_rng(seed).normal(size=(3, 64)) * 10**power + shift).astype(np.float32)
    found, low, most = run(product, {"x": torch.from_numpy(x)}), x.min(1, keepdims=True), np.abs(WEIGHT).max(0)
    by_row = (x.max(1, keepdims=True) - low) / 255 / 2 * np.abs(WEIGHT).sum(0)
    by_column = np.abs(x).sum(1, keepdims=True) * most / WEIGHT_MAX / 2
    both = (x.max(1, keepdims=True) - low) / 255 / 2 * 64 * most / WEIGHT_MAX / 2
    assert (np.abs(found - x @ WEIGHT) <= 1.001 * (by_row + by_column + both) + 1e-5 * np.abs(x).sum(1, keepdims=True)).all()


def test_rows_of_nothing_but_one_number_are_exact_but_for_the_weights(tmp_path: Path) -> None:
    weight = np.eye(64, 96, dtype=np.float32)
    x = torch.tensor([[0.0], [3.0], [-2.0]]).repeat(1, 64)
    np.testing.assert_allclose(run(write_product(tmp_path, weight), {"x": x}), x.numpy() @ weight, atol=1e-6)


def test_a_graph_without_weights_is_refused_for_its_size(tmp_path: Path) -> None:
    class Double(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x * 2

    write_onnx(Double(), {"x": torch.randn(4, 3)}, ("y",), tmp_path / "float32.onnx")
    with pytest.raises(ModelInvalid, match="no smaller than float32.onnx"):
        write_int8(tmp_path / "float32.onnx", {"x": torch.randn(4, 3)}, tmp_path / "int8.onnx")


@pytest.mark.parametrize(("axis", "refused"), [(1, False), (0, True)])
def test_an_answer_that_depends_on_the_batch_is_refused(tmp_path: Path, axis: int, refused: bool) -> None:
    x, y = (onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n", 8]) for name in "xy")
    nodes = [onnx.helper.make_node("ReduceMean", ["x", "axis"], ["mean"]), onnx.helper.make_node("Sub", ["x", "mean"], ["y"])]
    graph = onnx.helper.make_graph(nodes, "g", [x], [y], [numpy_helper.from_array(np.array([axis]), "axis")])
    path = tmp_path / "model.onnx"
    onnx.save(onnx.helper.make_model(graph, ir_version=10, opset_imports=[onnx.helper.make_opsetid("", 20)]), str(path))
    expected = pytest.raises(ModelInvalid, match="between a row alone and in a batch") if refused else nullcontext()
    with expected:
        check_rows(path, {"x": torch.randn(4, 8)})
