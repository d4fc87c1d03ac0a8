"""Replay golden requests against a running Triton: what is served must be what the trainer computes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tritonclient.grpc as grpc
from tritonclient.utils import InferenceServerException

from goeswith.errors import ModelInvalid
from goeswith.model_contract import GoldenCase, Value, from_value

DEADLINE_S = 60.0
_TRITON_TYPES = {"STRING": "BYTES"}


def replay_golden(client: grpc.InferenceServerClient, cases: Sequence[GoldenCase], version: int, names: Mapping[str, str] | None = None) -> float:
    """Return the largest difference between a served number and the trainer's; ``names`` are those of models that are served under another.

    Raises ``ModelInvalid`` that names the model and the difference if it is above the case's tolerance, or if other items are served.
    """
    known = names or {}
    return max((_difference(case, ask_golden(client, case, known.get(case.model, case.model), version)) for case in cases), default=0.0)


def ask_golden(client: grpc.InferenceServerClient, case: GoldenCase, name: str, version: int) -> dict[str, npt.NDArray[Any]]:
    """Return what one version of a model answers to a golden request, by output. Raises ``ModelInvalid`` where it does not answer."""
    inputs = [infer_input(name, value) for name, value in case.inputs.items()]
    outputs = [grpc.InferRequestedOutput(name) for name in case.outputs]
    try:
        answer = client.infer(name, inputs, str(version), outputs, client_timeout=DEADLINE_S)
    except InferenceServerException as error:
        raise ModelInvalid(f"{name} version {version} does not answer its golden request: {error.message()}", "read triton.log") from error
    return {name: answer.as_numpy(name) for name in case.outputs}


def infer_input(name: str, value: Value) -> grpc.InferInput:
    """Return a golden value as an input of a gRPC request."""
    tensor = grpc.InferInput(name, value.shape, _TRITON_TYPES.get(value.dtype, value.dtype))
    tensor.set_data_from_numpy(from_value(value))
    return tensor


def _difference(case: GoldenCase, served: dict[str, npt.NDArray[Any]]) -> float:
    wanted = {name: from_value(value) for name, value in case.outputs.items()}
    gaps = [(_gap(array, served[name]), name) for name, array in wanted.items() if array.dtype != np.object_]
    worst, name = max(gaps, default=(0.0, ""))
    if not worst <= case.tolerance:
        raise ModelInvalid(f"{case.model}: golden {name} differs by {worst:.3g}, at most {case.tolerance:g}", "train and export again, then publish")
    for name in (n for n, array in wanted.items() if array.dtype == np.object_):
        _check_names(case, name, wanted, served)
    return worst


def _gap(wanted: npt.NDArray[Any], served: npt.NDArray[Any]) -> float:
    if wanted.shape != served.shape:
        return float("inf")
    return float(np.max(np.abs(wanted.astype(np.float64) - served.astype(np.float64)), initial=0.0))


def _check_names(case: GoldenCase, output: str, wanted: dict[str, npt.NDArray[Any]], served: dict[str, npt.NDArray[Any]]) -> None:
    """Names must be equal, but two items whose scores are equal within the tolerance may stand in either order."""
    differ = wanted[output] != served[output]
    if not differ.any():
        return
    scores = wanted["scores"]
    tied = np.zeros(scores.shape, dtype=bool)
    near = np.abs(np.diff(scores, axis=1)) <= case.tolerance
    tied[:, 1:] |= near
    tied[:, :-1] |= near
    tied[:, -1] = True  # its twin may be the first that is not in the answer
    if (differ & ~tied).any():
        raise ModelInvalid(f"{case.model}: golden {output} are others than the trainer's", "train and export again, then publish")
