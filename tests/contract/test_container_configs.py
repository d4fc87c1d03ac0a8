"""The configs for Triton's container, read by Triton's own protobuf: a field that it does not know, or of another type, is refused."""

import re

import pytest
from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import ModelConfig, ModelInstanceGroup

from goeswith.model_contract import MAX_BATCH_SIZE, ModelSpec
from goeswith.profile import PROJECT_ROOT
from goeswith.settings import TritonSettings
from serving.rollout.triton_config import WARMED, triton_config
from training.export.signatures import Sizes, model_specs

SPECS = {spec.name: spec for spec in model_specs(Sizes(tokens=16, image_px=16, feature=24, content=24))}
SETTINGS = TritonSettings(cpu_instances=2, gpu_instances=1, cache_mb=64)


def parsed(spec: ModelSpec) -> ModelConfig:
    config: ModelConfig = text_format.Parse(triton_config(spec, "container", [3, 4], SETTINGS), ModelConfig())
    return config


@pytest.mark.parametrize("spec", SPECS.values(), ids=list(SPECS))
def test_triton_reads_what_was_meant(spec: ModelSpec) -> None:
    config = parsed(spec)
    assert (config.name, config.max_batch_size) == (spec.name, MAX_BATCH_SIZE)
    assert [tensor.name for tensor in config.input] == [tensor.name for tensor in spec.inputs]
    assert [list(tensor.dims) for tensor in config.output] == [list(tensor.dims) for tensor in spec.outputs]
    assert list(config.version_policy.specific.versions) == [3, 4]
    assert [warm.batch_size for warm in config.model_warmup] == (list(WARMED) if spec.warm_up else [])


def test_the_encoder_alone_is_native_and_on_the_gpu() -> None:
    native = {name for name, spec in SPECS.items() if parsed(spec).backend == "onnxruntime"}
    on_gpu = {name for name, spec in SPECS.items() for group in parsed(spec).instance_group if group.kind == ModelInstanceGroup.KIND_GPU}
    assert native == on_gpu == {"item_encoder"}


def test_the_ensembles_steps_are_pinned() -> None:
    steps = parsed(SPECS["new_item"]).ensemble_scheduling.step
    assert {step.model_version for step in steps} == {4}
    assert {step.model_name for step in steps} <= {*SPECS}


@pytest.mark.parametrize("path", ["infra/docker/triton.Dockerfile", "infra/helm/goeswith/templates/triton.yaml"])
def test_a_container_loads_every_model(path: str) -> None:
    text = (PROJECT_ROOT / path).read_text(encoding="utf-8")
    named = re.findall(r"--load-model=(\w+)", text) or re.findall(r'"(\w+)"', re.findall(r"range list (.*?) \}\}", text)[-1])
    assert {*named} == {*SPECS}
