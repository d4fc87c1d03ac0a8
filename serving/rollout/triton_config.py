"""Triton's ``config.pbtxt`` from a model's signature: one spec, two targets.

``container`` runs ONNX in Triton's onnxruntime backend; ``wheel`` has the Python backend only, which then holds onnxruntime.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

from goeswith.model_contract import MAX_BATCH_SIZE, ModelSpec, Step, TensorSpec

Target = Literal["wheel", "container"]


def triton_config(spec: ModelSpec, target: Target, versions: Sequence[int]) -> str:
    """Return the text of ``config.pbtxt`` that serves ``versions``, the last of which an ensemble's steps are pinned to."""
    body = _ensemble(spec.steps, versions[-1]) if spec.platform == "ensemble" else _single(spec, target)
    parts = [f'name: "{spec.name}"', f"max_batch_size: {MAX_BATCH_SIZE}", *_tensors("input", spec.inputs), *_tensors("output", spec.outputs)]
    return "\n".join([*parts, f"version_policy {{ specific {{ versions: [{', '.join(map(str, versions))}] }} }}", *body, ""])


def _tensors(kind: str, tensors: Sequence[TensorSpec]) -> list[str]:
    return [f"{kind} {{ {_tensor(tensor)} }}" for tensor in tensors]


def _tensor(tensor: TensorSpec) -> str:
    optional = " optional: true" if tensor.optional else ""
    return f'name: "{tensor.name}" data_type: TYPE_{tensor.dtype} dims: [{", ".join(map(str, tensor.dims))}]{optional}'


def _single(spec: ModelSpec, target: Target) -> list[str]:
    native = spec.platform == "onnx" and target == "container"
    # A queue delay of 0 batches what waits already: waiting for more made the median forty times as long.
    return [
        f'backend: "{"onnxruntime" if native else "python"}"',
        "instance_group { count: 1 kind: KIND_CPU }",
        "dynamic_batching { max_queue_delay_microseconds: 0 }",
    ]


def _ensemble(steps: Sequence[Step], version: int) -> list[str]:
    return ['platform: "ensemble"', "ensemble_scheduling {", *(f"  step {{ {_step(step, version)} }}" for step in steps), "}"]


def _step(step: Step, version: int) -> str:
    maps = [*_map("input_map", step.inputs), *_map("output_map", step.outputs)]
    return " ".join([f'model_name: "{step.model}" model_version: {version}', *maps])


def _map(kind: str, names: Mapping[str, str]) -> list[str]:
    return [f'{kind} {{ key: "{own}" value: "{theirs}" }}' for own, theirs in names.items()]
