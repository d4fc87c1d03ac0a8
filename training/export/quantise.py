"""A graph with 8-bit weights out of one with 32-bit weights, in ONNX's own operators, whatever nodes it has.

Vector-wise dynamic quantisation (as in LLM.int8(), arXiv 2208.07339): each column of a weight and each row of what it is multiplied with have a
scale of their own. R rows, K width, C columns.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnx import NodeProto, TensorProto, helper, numpy_helper
from torch import Tensor

from goeswith.errors import ModelInvalid
from goeswith.model_contract import INT8_TOLERANCE
from training.export.graphs import check_graph

WEIGHT_MAX = 63
"""Weights have 7 bits: processors without VNNI add pairs of products in 16 bits, and 2 * 255 * 63 is the most that these hold."""
TABLE_MAX = 127
ROW_MAX = np.float32(255)
TINY = np.float32(1e-12)


def write_int8(source: Path, inputs: Mapping[str, Tensor], target: Path) -> None:
    """Write the int8 twin of a graph. Raises ``ModelInvalid`` where it is no smaller, or is not the same function of each row of ``inputs``."""
    model = onnx.load(str(source))
    rewriter = _Rewriter(model.graph)
    rewriter.rewrite()
    onnx.checker.check_model(model)
    onnx.save(model, str(target))
    check_graph(target)
    if not rewriter.constants or target.stat().st_size >= source.stat().st_size:
        raise ModelInvalid(f"{target.name} is no smaller than {source.name}: it has no weights, or too small ones", "export with precision float32")
    check_rows(target, inputs)


def check_rows(path: Path, inputs: Mapping[str, Tensor]) -> None:
    """Raise ``ModelInvalid`` for a graph that answers differently when it is asked again, or when a row is asked about alone."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    arrays = {name: tensor.numpy() for name, tensor in inputs.items()}
    together, again = session.run(None, arrays), session.run(None, arrays)
    alone = [session.run(None, {name: array[row : row + 1] for name, array in arrays.items()}) for row in range(len(together[0]))]
    if not all(np.array_equal(a, b) for a, b in zip(together, again, strict=True)):
        raise ModelInvalid(f"{path.name} answers the same request differently", "export with precision float32")
    gap = max(float(np.abs(whole - np.concatenate(rows)).max()) for whole, rows in zip(together, zip(*alone, strict=True), strict=True))
    if not gap <= INT8_TOLERANCE:
        raise ModelInvalid(f"{path.name} differs by {gap:.3g} between a row alone and in a batch", "export with precision float32")


class _Rewriter:
    """One graph: products with weights and look-ups in tables become their int8 forms, all else stays."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self.graph = graph
        self.weights = {t.name: t for t in graph.initializer if t.data_type == TensorProto.FLOAT and len(t.dims) == 2}
        self.nodes: list[NodeProto] = []
        self.constants: dict[str, TensorProto] = {}
        self.rows: dict[str, tuple[str, str, str]] = {}

    def rewrite(self) -> None:
        """Replace the graph's nodes, and the weights that nothing reads any more."""
        for node in self.graph.node:
            if self._is_product(node):
                self._multiply(node)
            elif self._is_look_up(node):
                self._look_up(node)
            else:
                self.nodes.append(node)
        read = {name for node in self.nodes for name in node.input} | {output.name for output in self.graph.output}
        kept = [t for t in self.graph.initializer if t.name in read]
        del self.graph.node[:], self.graph.initializer[:], self.graph.value_info[:]
        self.graph.node.extend(self.nodes)
        self.graph.initializer.extend([*kept, *self.constants.values()])

    def _is_product(self, node: NodeProto) -> bool:
        """Whether it multiplies rows with a weight, and nothing more than adds a bias."""
        of = _attributes(node)
        plain = of.get("alpha", 1) == of.get("beta", 1) == 1 and not of.get("transA", 0)
        return node.op_type in ("MatMul", "Gemm") and node.input[1] in self.weights and plain

    def _is_look_up(self, node: NodeProto) -> bool:
        return node.op_type == "Gather" and node.input[0] in self.weights and not _attributes(node).get("axis", 0)

    def _multiply(self, node: NodeProto) -> None:
        """Write scale_R * scale_C * (rows_RK @ weight_KC) + low_R * sums_C (+ bias), where the product of integers is exact."""
        rows, scale, low = self._quantise_rows(node.input[0])
        weight, columns, sums = self._quantise_weight(node.input[1], transposed=bool(_attributes(node).get("transB", 0)))
        of = node.output[0]
        whole = self._cast(self._add("MatMulInteger", [rows, weight], f"{of}/whole"), TensorProto.FLOAT, f"{of}/product")
        scaled = self._add("Mul", [self._add("Mul", [whole, scale], f"{of}/by_row"), columns], f"{of}/scaled")
        offset = self._add("Mul", [low, sums], f"{of}/offset")
        bias = node.input[2] if len(node.input) > 2 else ""
        moved = self._add("Add", [scaled, offset], f"{of}/moved" if bias else of)
        if bias:
            self._add("Add", [moved, bias], of)

    def _look_up(self, node: NodeProto) -> None:
        """Each row of a table has a scale of its own, which is looked up beside it."""
        name, at = node.input[0], node.input[1]
        table = numpy_helper.to_array(self.weights[name])
        scale = _scale(table, axis=1, most=TABLE_MAX)
        codes = self._constant(f"{name}/int8_rows", np.rint(table / scale).astype(np.int8))
        scales, of = self._constant(f"{name}/row_scale", scale), node.output[0]
        found = self._cast(self._add("Gather", [codes, at], f"{of}/codes"), TensorProto.FLOAT, f"{of}/found")
        self._add("Mul", [found, self._add("Gather", [scales, at], f"{of}/scales")], of)

    def _quantise_rows(self, x: str) -> tuple[str, str, str]:
        """Return the names of uint8 rows (R, K), their scale and their least value (R, 1); what several weights read is quantised once."""
        if x not in self.rows:
            axis, most, tiny = (self._constant(f"int8/{n}", v) for n, v in (("axis", np.array([-1])), ("row_max", ROW_MAX), ("tiny", TINY)))
            low, high = (self._add(f"Reduce{side}", [x, axis], f"{x}/{side}") for side in ("Min", "Max"))
            span = self._add("Max", [self._add("Sub", [high, low], f"{x}/span"), tiny], f"{x}/some_span")
            scale = self._add("Div", [span, most], f"{x}/scale")
            steps = self._add("Div", [self._add("Sub", [x, low], f"{x}/above"), scale], f"{x}/steps")
            rows = self._cast(self._add("Round", [steps], f"{x}/round"), TensorProto.UINT8, f"{x}/uint8")
            self.rows[x] = (rows, scale, low)
        return self.rows[x]

    def _quantise_weight(self, name: str, *, transposed: bool) -> tuple[str, str, str]:
        """Return the names of an int8 weight (K, C), the scales of its columns and their sums (C,)."""
        stored = numpy_helper.to_array(self.weights[name])
        weight = stored.T if transposed else stored
        scale = _scale(weight, axis=0, most=WEIGHT_MAX)
        codes = np.ascontiguousarray(np.rint(weight / scale).astype(np.int8))
        sums = (codes.astype(np.int64).sum(0) * scale[0]).astype(np.float32)
        name = f"{name}/transposed" if transposed else name
        named = ((f"{name}/int8", codes), (f"{name}/scale", scale[0]), (f"{name}/sums", sums))
        int8, columns, total = (self._constant(*each) for each in named)
        return int8, columns, total

    def _add(self, kind: str, inputs: list[str], output: str) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output]))
        return output

    def _cast(self, x: str, to: int, output: str) -> str:
        node = helper.make_node("Cast", [x], [output])
        node.attribute.append(helper.make_attribute("to", to))
        self.nodes.append(node)
        return output

    def _constant(self, name: str, value: npt.ArrayLike) -> str:
        self.constants[name] = numpy_helper.from_array(np.asarray(value), name)
        return name


def _scale(weight: npt.NDArray[np.float32], *, axis: int, most: int) -> npt.NDArray[np.float32]:
    scale: npt.NDArray[np.float32] = np.maximum(np.abs(weight).max(axis=axis, keepdims=True), TINY) / np.float32(most)
    return scale


def _attributes(node: NodeProto) -> dict[str, object]:
    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
