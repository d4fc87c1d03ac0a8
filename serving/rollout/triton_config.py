"""Triton's ``config.pbtxt`` from a model's signature: one spec, two targets.

``container`` runs ONNX in Triton's onnxruntime backend; ``wheel`` has the Python backend only, which then holds onnxruntime.
"""

import struct
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from goeswith.model_contract import MAX_BATCH_SIZE, NUMPY_TYPES, ModelSpec, Step, TensorSpec
from goeswith.settings import TritonSettings

Target = Literal["wheel", "container"]

BATCHES = (4, 16)
"""What the batcher forms where as many requests wait; fewer go out as they are. Few sizes: onnxruntime plans its memory anew for each."""
WARMED = (1, *BATCHES)


def triton_config(spec: ModelSpec, target: Target, versions: Sequence[int], settings: TritonSettings) -> str:
    """Return the text of ``config.pbtxt`` that serves ``versions``, the last of which an ensemble's steps are pinned to."""
    body = _ensemble(spec.steps, versions[-1]) if spec.platform == "ensemble" else _single(spec, target, settings)
    parts = [f'name: "{spec.name}"', f"max_batch_size: {MAX_BATCH_SIZE}", *_tensors("input", spec.inputs), *_tensors("output", spec.outputs)]
    return "\n".join([*parts, f"version_policy {{ specific {{ versions: [{', '.join(map(str, versions))}] }} }}", *body, ""])


def warm_up_files(spec: ModelSpec) -> dict[str, bytes]:
    """Return by input what a warm-up request holds, as Triton reads it from a file of that name; one row, which it repeats."""
    tensors = {tensor.name: tensor for tensor in spec.inputs}
    return {name: _raw(tensors[name], value) for name, value in spec.warm_up.items()}


def _raw(tensor: TensorSpec, value: str | int) -> bytes:
    if isinstance(value, str):
        return struct.pack("<I", len(value.encode())) + value.encode()
    return np.full(_one(tensor), value, dtype=NUMPY_TYPES[tensor.dtype]).tobytes()


def _one(tensor: TensorSpec) -> tuple[int, ...]:
    return tuple(max(dim, 1) for dim in tensor.dims)


def _tensors(kind: str, tensors: Sequence[TensorSpec]) -> list[str]:
    return [f"{kind} {{ {_tensor(tensor)} }}" for tensor in tensors]


def _tensor(tensor: TensorSpec) -> str:
    optional = " optional: true" if tensor.optional else ""
    return f'name: "{tensor.name}" data_type: TYPE_{tensor.dtype} dims: {_list(tensor.dims)}{optional}'


def _list(values: Sequence[int]) -> str:
    return f"[{', '.join(map(str, values))}]"


def _single(spec: ModelSpec, target: Target, settings: TritonSettings) -> list[str]:
    native = spec.platform == "onnx" and target == "container"
    return [
        f'backend: "{"onnxruntime" if native else "python"}"',
        _instances(settings, on_gpu=native and settings.gpu_instances > 0),
        *_batching(settings),
        *(["response_cache { enable: true }"] if spec.pure and settings.cache_mb else []),
        *(_warm_up(spec, size) for size in WARMED if spec.warm_up),
    ]


def _instances(settings: TritonSettings, *, on_gpu: bool) -> str:
    count, kind = (settings.gpu_instances, "KIND_GPU") if on_gpu else (settings.cpu_instances, "KIND_CPU")
    return f"instance_group {{ count: {count} kind: {kind} }}"


def _batching(settings: TritonSettings) -> list[str]:
    """A queue delay of 0 batches what waits already: waiting for more made the median forty times as long.

    A queue that is full, or a request that waited as long as anybody does, is refused at once: the client has other ways to answer.
    """
    policy = f"max_queue_size: {settings.max_queue} timeout_action: REJECT default_timeout_microseconds: {settings.queue_timeout_ms * 1000}"
    return [
        "dynamic_batching {",
        "  max_queue_delay_microseconds: 0",
        f"  preferred_batch_size: {_list(BATCHES)}",
        f"  default_queue_policy {{ {policy} }}",
        "}",
    ]


def _warm_up(spec: ModelSpec, size: int) -> str:
    tensors = {tensor.name: tensor for tensor in spec.inputs}
    inputs = " ".join(_warm_input(tensors[name]) for name in spec.warm_up)
    return f'model_warmup {{ name: "batch of {size}" batch_size: {size} {inputs} }}'


def _warm_input(tensor: TensorSpec) -> str:
    value = f'data_type: TYPE_{tensor.dtype} dims: {_list(_one(tensor))} input_data_file: "{tensor.name}"'
    return f'inputs {{ key: "{tensor.name}" value {{ {value} }} }}'


def _ensemble(steps: Sequence[Step], version: int) -> list[str]:
    return ['platform: "ensemble"', "ensemble_scheduling {", *(f"  step {{ {_step(step, version)} }}" for step in steps), "}"]


def _step(step: Step, version: int) -> str:
    maps = [*_map("input_map", step.inputs), *_map("output_map", step.outputs)]
    return " ".join([f'model_name: "{step.model}" model_version: {version}', *maps])


def _map(kind: str, names: Mapping[str, str]) -> list[str]:
    return [f'{kind} {{ key: "{own}" value: "{theirs}" }}' for own, theirs in names.items()]
