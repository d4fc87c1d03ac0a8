"""An export is whole, says what it is, and only holds models that equal what training stored."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from goeswith.errors import ModelInvalid
from goeswith.model_contract import hash_files, read_export
from goeswith.profile import load_profile
from tests.tiny_models import shared_home, tiny_trained
from tests.tiny_shop import RUN
from training.dataset import variant_groups
from training.export.build import Origin, write_export
from training.export.golden import build_golden, by_module, chosen_items
from training.export.load import load_mmsc
from training.export.preprocess import raw_items
from training.export.signatures import RAW_FIELDS, Sizes, model_specs
from training.export.trained import CONTENT, Trained

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
