"""What Triton's models, the trainer and the kernel must agree on, compared where each states it."""

import ast
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from goeswith import item_text, pictures
from goeswith.model_contract import ModelSpec
from goeswith.profile import PROJECT_ROOT
from goeswith.settings import TritonSettings
from goeswith_client import limits
from model_repository import bundle, item_encoder, item_preprocess, relations
from serving.rollout.triton_config import WARMED, triton_config, warm_up_files
from tests.tiny_pictures import jpeg_that_claims, png_that_claims
from training.cirp.towers import MINILM
from training.export.preprocess import Preprocess, raw_tensors, write_preprocess
from training.export.signatures import Sizes, model_specs
from training.mmsc.stored import SOURCES
from training.text_tokens import load_tokenizer

SPECS = {spec.name: spec for spec in model_specs(Sizes(tokens=16, image_px=16, feature=24, content=24))}
MODULES = {"item_preprocess": item_preprocess, "item_encoder": item_encoder, "relations": relations, "bundle": bundle}
ALLOWED = {"numpy", "faiss", "onnxruntime", "tokenizers", "PIL", "triton_python_backend_utils"}
STANDARD = {"collections", "dataclasses", "gc", "io", "json", "logging", "pathlib", "typing", "importlib"}

texts = st.text(max_size=80)


@pytest.fixture(scope="module")
def preprocess() -> Preprocess:
    return Preprocess(tokenizer=load_tokenizer(MINILM, 16), max_tokens=16, image_px=16)


@pytest.fixture(scope="module")
def served(preprocess: Preprocess, tmp_path_factory: pytest.TempPathFactory) -> item_preprocess.Model:
    folder = tmp_path_factory.mktemp("item_preprocess")
    write_preprocess(preprocess, folder)
    return item_preprocess.Model(folder)


@given(title=texts, description=texts, brand=texts, category=st.lists(texts.filter(lambda name: " > " not in name), max_size=4))
def test_the_served_text_is_the_text_that_towers_were_trained_on(title: str, description: str, brand: str, category: list[str]) -> None:
    joined = " > ".join(category)
    path = joined.split(" > ") if joined else []
    assert item_preprocess.compose_text(title, description, brand, joined) == item_text.item_text(title, description, brand, path)


def row(title: str, description: str, brand: str, category: str, image: bytes) -> dict[str, np.ndarray[Any, Any]]:
    fields = {"title": title.encode(), "description": description.encode(), "brand": brand.encode(), "category": category.encode(), "image": image}
    return {name: np.array([[value]], dtype=np.object_) for name, value in fields.items()}


@settings(max_examples=60, deadline=None)
@given(title=texts, description=texts, category=st.sampled_from(["", "sport", "sport > racket > junior"]))
def test_tensors_of_any_text_equal_the_trainers(
    served: item_preprocess.Model, preprocess: Preprocess, title: str, description: str, category: str
) -> None:
    raw = row(title, description, "brand", category, b"")
    wanted, found = raw_tensors(preprocess, raw), served.answer(raw)
    assert all(np.array_equal(found[name], array) and found[name].dtype == array.dtype for name, array in wanted.items())


@pytest.mark.parametrize(
    ("mode", "kind"), [("RGB", "JPEG"), ("RGB", "PNG"), ("L", "PNG"), ("RGBA", "PNG"), ("P", "PNG"), ("1", "PNG"), ("CMYK", "JPEG")]
)
def test_tensors_of_any_picture_equal_the_trainers(served: item_preprocess.Model, preprocess: Preprocess, mode: str, kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (37, 53, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(noise).convert(mode).save(out, kind)
    raw = row("a", "", "", "", out.getvalue())
    wanted, found = raw_tensors(preprocess, raw), served.answer(raw)
    assert np.array_equal(found["pixels"], wanted["pixels"])
    assert found["has_image"] == 1


def test_what_ingest_accepts_as_a_picture_serving_accepts_and_the_limits_are_the_same() -> None:
    assert (item_preprocess.MAX_IMAGE_BYTES, item_preprocess.MAX_PIXELS) == (pictures.MAX_BYTES, pictures.MAX_PIXELS)
    assert (limits.MAX_IMAGE_BYTES, limits.MAX_PIXELS) == (pictures.MAX_BYTES, pictures.MAX_PIXELS)
    assert item_preprocess.MAX_CHARS == item_text.MAX_CHARS


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [6_400, 10_000, 50_000])
def test_a_small_picture_that_says_it_is_huge_is_the_requests_fault_not_the_servers(served: item_preprocess.Model, side: int) -> None:
    for bomb in (png_that_claims(side, side), jpeg_that_claims(side, side)):
        with pytest.raises(ValueError, match="image: "):
            served.answer(row("a", "", "", "", bomb))


def test_each_model_reads_exactly_the_inputs_of_its_signature() -> None:
    for name, module in MODULES.items():
        assert tuple(tensor.name for tensor in SPECS[name].inputs) == module.INPUTS
    assert tuple(tensor.name for tensor in SPECS["item_encoder"].outputs) == item_encoder.OUTPUTS


def test_sources_are_numbered_as_the_trainer_numbers_them() -> None:
    assert tuple(name.decode() for name in relations.SOURCES) == SOURCES


def test_models_in_triton_import_nothing_of_ours() -> None:
    for path in sorted((PROJECT_ROOT / "model_repository").glob("*.py")):
        assert imports_of(path) <= ALLOWED | STANDARD, path


def imports_of(path: Path) -> set[str]:
    """Return the top-level packages that a module imports; its siblings, imported relatively, left out."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(str(node.module).split(".")[0])
    return found


def test_an_ensemble_only_joins_tensors_of_one_type_and_shape() -> None:
    ensemble = SPECS["new_item"]
    known = {tensor.name: (tensor.dtype, tensor.dims) for tensor in ensemble.inputs}
    for step in ensemble.steps:
        model = SPECS[step.model]
        for tensor in model.inputs:
            assert tensor.optional or tensor.name in step.inputs
            if tensor.name in step.inputs:
                assert known[step.inputs[tensor.name]] == (tensor.dtype, tensor.dims)
        known |= {step.outputs[tensor.name]: (tensor.dtype, tensor.dims) for tensor in model.outputs if tensor.name in step.outputs}
    assert {tensor.name: known[tensor.name] for tensor in ensemble.outputs} == {t.name: (t.dtype, t.dims) for t in ensemble.outputs}


@pytest.mark.parametrize("spec", SPECS.values(), ids=list(SPECS))
def test_both_configs_come_from_one_signature(spec: ModelSpec) -> None:
    wheel, container = (triton_config(spec, target, [3, 4], TritonSettings()) for target in ("wheel", "container"))
    changed = [(a, b) for a, b in zip(wheel.splitlines(), container.splitlines(), strict=True) if a != b]
    assert changed == ([('backend: "python"', 'backend: "onnxruntime"')] if spec.platform == "onnx" else [])
    assert "versions: [3, 4]" in wheel
    assert "max_queue_delay_microseconds: 0" in wheel or spec.platform == "ensemble"


@pytest.mark.parametrize("spec", SPECS.values(), ids=list(SPECS))
def test_a_model_is_warmed_up_in_each_batch_that_is_formed_of_it(spec: ModelSpec) -> None:
    config = triton_config(spec, "wheel", [1], TritonSettings())
    assert [f"batch_size: {size} inputs" in config for size in WARMED] == [bool(spec.warm_up)] * len(WARMED)
    required = {tensor.name for tensor in spec.inputs if not tensor.optional}
    assert not spec.warm_up or required <= {*spec.warm_up}


def test_a_warm_up_request_is_one_that_the_model_answers() -> None:
    files = warm_up_files(SPECS["relations"])
    assert files["type"] == b"\x0a\x00\x00\x00substitute"
    assert np.frombuffer(files["k"], "<i4").tolist() == [1]
    assert len(files["content"]) == 24 * 4


def test_settings_bound_the_queue_and_say_where_instances_run() -> None:
    settings = TritonSettings(cpu_instances=2, gpu_instances=3, max_queue=7, queue_timeout_ms=50)
    encoder = triton_config(SPECS["item_encoder"], "container", [1], settings)
    assert "count: 3 kind: KIND_GPU" in encoder
    assert "max_queue_size: 7 timeout_action: REJECT default_timeout_microseconds: 50000" in encoder
    for config in (triton_config(SPECS["item_encoder"], "wheel", [1], settings), triton_config(SPECS["bundle"], "container", [1], settings)):
        assert "count: 2 kind: KIND_CPU" in config


def test_only_answers_that_depend_on_nothing_else_are_remembered() -> None:
    def remembered(size_mb: int) -> set[str]:
        settings = TritonSettings(cache_mb=size_mb)
        return {name for name, spec in SPECS.items() if "response_cache" in triton_config(spec, "container", [1], settings)}

    assert remembered(16) == {"item_preprocess", "item_encoder", "relations", "bundle"}
    assert remembered(0) == set()
