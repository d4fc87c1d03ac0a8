"""An export is whole, says what it is, and only holds models that equal what training stored."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from goeswith.errors import ModelInvalid
from goeswith.model_contract import INT8_TOLERANCE, TOLERANCE, Precision, from_value, hash_files, read_export, read_golden
from goeswith.profile import load_profile
from model_repository import item_encoder
from tests.tiny_models import shared_home, tiny_trained
from tests.tiny_shop import RUN
from training.dataset import variant_groups
from training.export.agreement import measure_encoders
from training.export.build import Origin, write_export
from training.export.golden import build_golden, by_module, chosen_items
from training.export.preprocess import raw_items
from training.export.signatures import RAW_FIELDS, Sizes, model_specs
from training.export.trained import CONTENT, Trained
from training.mmsc.load import load_mmsc

SPECS = model_specs(Sizes(tokens=16, image_px=16, feature=24, content=24))
ORIGIN = Origin(run="r", release="r", made_from="x", recipes={}, seed=0, metrics=(), feature_names=RAW_FIELDS)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return tiny_trained(load_profile(overrides={"home": tmp_path_factory.mktemp("home")}))


@pytest.fixture
def pictures() -> Path:
    return shared_home() / "pictures"


def test_an_export_holds_every_file_that_its_manifest_names() -> None:
    manifest = read_export(shared_home() / "models" / RUN / "export")
    assert {spec.name for spec in manifest.models} == {"item_preprocess", "item_encoder", "relations", "bundle", "new_item"}
    assert {"item_encoder/model.onnx", "relations/gates.onnx", "item_preprocess/tokenizer.json", "golden.json"} <= set(manifest.files)
    assert not [path for path in manifest.files if path.endswith((".pkl", ".pt", ".bin"))]


def test_a_feature_that_training_did_not_store_stops_the_export_and_leaves_the_last_one(trained: Trained, pictures: Path, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    shutil.copytree(shared_home() / "models" / RUN / "export", folder)
    before = hash_files(folder)
    with pytest.raises(ModelInvalid, match="features differ from the stored ones"):
        write_export(replace(trained, feature=trained.feature + np.float32(0.01)), ORIGIN, folder, pictures)
    assert hash_files(folder) == before
    assert [path.name for path in tmp_path.iterdir()] == ["export"]


def test_an_item_without_a_picture_is_among_the_golden_ones(trained: Trained, pictures: Path) -> None:
    images = (*trained.items.images[:7], None, *trained.items.images[8:])
    chosen = replace(trained, items=replace(trained.items, images=images))
    assert 7 in chosen_items(chosen)
    assert b"" in raw_items(chosen.items, chosen_items(chosen), pictures)["image"].ravel().tolist()


def test_golden_answers_are_deterministic(trained: Trained, pictures: Path) -> None:
    first, again = (build_golden(trained, SPECS, pictures, by_module(trained), "float32") for _ in range(2))
    assert first == again


def test_variants_share_a_group_with_their_parent(trained: Trained) -> None:
    ids = trained.items.ids
    groups = variant_groups(replace(trained.items, variant_of=(None, ids[0], ids[0], *trained.items.variant_of[3:])))
    assert groups[0] == groups[1] == groups[2]
    assert len(set(groups.tolist())) == len(ids) - 2


def test_a_new_item_far_from_everything_rests_on_its_content(trained: Trained) -> None:
    away = -torch.from_numpy(trained.vectors.tensors["content"]).mean(0, keepdim=True)
    _, source = trained.relate_new(torch.nn.functional.normalize(away, dim=-1), "complement")
    assert source == CONTENT


def test_a_folder_without_a_recipe_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelInvalid, match="no complete MMSC"):
        load_mmsc(tmp_path)


@pytest.fixture(scope="module")
def int8_export(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("int8") / "export"
    write_export(trained, ORIGIN, folder, shared_home() / "pictures", "int8")
    return folder


def test_an_export_names_the_precision_that_it_serves_and_what_int8_costs_and_loses(int8_export: Path) -> None:
    cases: tuple[tuple[Path, Precision, Precision], ...] = (
        (int8_export, "int8", "float32"),
        (shared_home() / "models" / RUN / "export", "float32", "int8"),
    )
    for folder, precision, other in cases:
        report = read_export(folder).encoder
        assert report.precision == precision
        assert report.graphs[precision].bytes == (folder / "item_encoder" / "model.onnx").stat().st_size
        assert report.graphs[other].bytes == (folder / "unserved" / f"item_encoder.{other}.onnx").stat().st_size
        assert report.graphs["int8"].bytes < 0.6 * report.graphs["float32"].bytes
        assert all(0.9 <= each.overlap_at_20 < 1 for each in report.agreement.values())


def test_golden_answers_are_those_of_the_graph_that_is_served(int8_export: Path) -> None:
    served = item_encoder.Model(int8_export / "item_encoder")
    case = next(case for case in read_golden(int8_export) if case.model == "item_encoder")
    found = served.answer({name: from_value(value) for name, value in case.inputs.items()})
    assert all(np.array_equal(found[name], from_value(value)) for name, value in case.outputs.items())
    float32 = next(case for case in read_golden(shared_home() / "models" / RUN / "export") if case.model == "item_encoder")
    assert np.abs(found["feature"] - from_value(float32.outputs["feature"])).max() > TOLERANCE


def test_only_what_an_int8_encoder_says_may_differ_by_more(int8_export: Path) -> None:
    tolerances = {case.model: case.tolerance for case in read_golden(int8_export)}
    assert tolerances == {
        "item_preprocess": TOLERANCE,
        "item_encoder": INT8_TOLERANCE,
        "bundle": TOLERANCE,
        "relations": TOLERANCE,
        "new_item": INT8_TOLERANCE,
    }
    assert {case.tolerance for case in read_golden(shared_home() / "models" / RUN / "export")} == {TOLERANCE}


def test_an_encoder_of_other_items_differs_by_far_more_than_the_tolerance(int8_export: Path) -> None:
    case = next(case for case in read_golden(int8_export) if case.model == "item_encoder")
    feature = from_value(case.outputs["feature"])
    assert np.abs(feature[0] - feature[1]).max() > INT8_TOLERANCE


def test_an_int8_encoder_that_finds_other_neighbours_is_refused_with_the_number(trained: Trained, pictures: Path, tmp_path: Path) -> None:
    paths: dict[Precision, Path] = {"float32": tmp_path / "float32.onnx", "int8": tmp_path / "int8.onnx"}
    source = shared_home() / "models" / RUN / "export"
    shutil.copy(source / "item_encoder" / "model.onnx", paths["float32"])
    shutil.copy(source / "unserved" / "item_encoder.int8.onnx", paths["int8"])
    assert measure_encoders(trained, paths, "int8", pictures).precision == "int8"
    spoil(paths["int8"])
    with pytest.raises(ModelInvalid, match=r"keeps 0\.\d+ of the 20 nearest items by \w+, at least 0\.9") as refused:
        measure_encoders(trained, paths, "int8", pictures)
    assert "float32" in str(refused.value.remedy)
    worst = min(each.overlap_at_20 for each in measure_encoders(trained, paths, "float32", pictures).agreement.values())
    assert worst < 0.9


def spoil(path: Path) -> None:
    """Turn the table of words around: each finds another's row."""
    model = onnx.load(str(path))
    table = max((t for t in model.graph.initializer if t.data_type == onnx.TensorProto.INT8), key=lambda t: len(t.raw_data))
    table.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(numpy_helper.to_array(table)[::-1]), table.name))
    onnx.save(model, str(path))
