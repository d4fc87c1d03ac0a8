"""The one adapter between Triton's Python backend and the modules here; deployed beside them in each version.

The module that has the model's name holds ``INPUTS`` and ``Model``: ``Model(folder)`` loads a version, ``answer(inputs)`` maps
named arrays, batch first, to named arrays and raises ``ValueError`` for a request that it refuses.
Needs ``triton_python_backend_utils``, which exists inside Triton alone.
"""

import gc
import logging
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils

logger = logging.getLogger(__name__)


class TritonPythonModel:
    """What Triton's Python backend calls."""

    def initialize(self, args: dict[str, Any]) -> None:
        """Load the version that this file lies in."""
        module = import_module(f".{args['model_name']}", __package__)
        self.model = module.Model(Path(__file__).resolve().parent)
        self.names = tuple(module.INPUTS)
        gc.collect()
        gc.freeze()  # the catalogue stays: no request shall wait while it is looked through for garbage

    def execute(self, requests: list[Any]) -> list[Any]:
        """Answer each request on its own: a bad one does not spoil its neighbours in the batch."""
        return [self._respond(request) for request in requests]

    def _respond(self, request: Any) -> Any:
        tensors = {name: pb_utils.get_input_tensor_by_name(request, name) for name in self.names}
        try:
            outputs = self.model.answer({name: tensor.as_numpy() for name, tensor in tensors.items() if tensor is not None})
        except ValueError as error:
            return _refusal(str(error), pb_utils.TritonError.INVALID_ARG)
        except Exception as error:  # one that leaves execute() leaks Triton's shared memory
            logger.exception("a request failed")
            return _refusal(f"the model failed: {type(error).__name__}", pb_utils.TritonError.INTERNAL)
        return pb_utils.InferenceResponse([_tensor(name, array) for name, array in outputs.items()])


def _refusal(message: str, code: int) -> Any:
    return pb_utils.InferenceResponse(error=pb_utils.TritonError(message, code))


def _tensor(name: str, array: Any) -> Any:
    return pb_utils.Tensor(name, np.ascontiguousarray(array))
