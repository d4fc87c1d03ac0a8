"""What is published, compared and kept, without a server: exports, golden answers, the repository on disk."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from goeswith.errors import ModelInvalid, ModelUnavailable
from goeswith.jobs import JobRun
from goeswith.model_contract import MANIFEST, GoldenCase, TensorType, Value, from_value, read_export, read_golden, to_value
from goeswith.profile import Profile, load_profile
from serving.rollout import publish
from serving.rollout import repository as repo
from serving.rollout.current import model_status, serve_current
from serving.rollout.golden import infer_input, replay_golden
from tests.tiny_models import shared_home
from tests.tiny_shop import RUN


@pytest.fixture
def home(tmp_path: Path) -> Profile:
    """Return a profile of its own that holds the tiny export, with ports on which nothing listens."""
    shutil.copytree(shared_home() / "models", tmp_path / "models")
    return load_profile(overrides={"home": tmp_path, "triton": {"grpc_port": 1, "http_port": 2, "metrics_port": 3}})


def export_of(profile: Profile) -> Path:
    return profile.models / RUN / "export"


def published(version: int, *kept: int, profile: Profile) -> repo.Published:
    manifest = read_export(export_of(profile))
    values: dict[str, Any] = {"run": RUN, "release": RUN, "made_from": "x", "models": manifest.models, "metrics": (), "feature_names": ()}
    return repo.Published(version=version, kept=kept, **values)


def test_a_file_that_was_changed_is_refused_by_name(home: Profile) -> None:
    path = export_of(home) / "bundle" / "set_target.npy"
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(ModelInvalid, match="bundle/set_target.npy is not the file"):
        publish.run(JobRun(profile=home, run_id="p"))
    assert not list(home.model_repository.glob("*/1"))


@pytest.mark.parametrize("spoil", [lambda f: (f / "golden.json").unlink(), lambda f: (f / "more.bin").write_bytes(b"")], ids=["missing", "added"])
def test_a_file_too_few_or_too_many_is_refused(home: Profile, spoil: Any) -> None:
    spoil(export_of(home))
    with pytest.raises(ModelInvalid, match="not the file that the export's manifest names"):
        read_export(export_of(home))


def test_a_manifest_that_is_cut_short_is_no_export(home: Profile) -> None:
    path = export_of(home) / MANIFEST
    path.write_text(path.read_text()[:100])
    with pytest.raises(ModelInvalid, match="no complete export"):
        read_export(export_of(home))


def test_the_newest_export_is_found_and_a_missing_one_said(home: Profile, tmp_path: Path) -> None:
    assert publish.find_export(home, "") == export_of(home)
    with pytest.raises(ModelUnavailable, match="run 'other' has no export"):
        publish.find_export(home, "other")
    with pytest.raises(ModelUnavailable, match="no run has an export"):
        publish.find_export(load_profile(overrides={"home": tmp_path / "new"}), "")


def test_nothing_can_be_served_before_it_is_published(home: Profile) -> None:
    with pytest.raises(ModelUnavailable, match="no model version was published"):
        serve_current(home)
    status = model_status(home)
    assert (status.running, status.version) == (False, None)


def test_staging_is_a_whole_repository_of_one_version_and_code(home: Profile) -> None:
    staging = repo.build_staging(home.model_repository, export_of(home), read_export(export_of(home)), 7)
    assert {path.name for path in staging.iterdir()} == {"item_preprocess", "item_encoder", "relations", "bundle", "new_item"}
    assert (staging / "relations" / "7" / "model.py").is_file()
    assert "versions: [7]" in (staging / "bundle" / "config.pbtxt").read_text()
    assert not list((staging / "new_item" / "7").iterdir())


def test_only_named_versions_stay(home: Profile) -> None:
    manifest = read_export(export_of(home))
    for version in (1, 2):
        repo.build_staging(home.model_repository, export_of(home), manifest, version)
        repo.adopt_staging(home.model_repository, manifest.models, version)
    repo.remove_unnamed(home.model_repository, (2,))
    assert {path.name for path in home.model_repository.glob("*/[0-9]*")} == {"2"}
    repo.write_published(home.model_repository, published(2, 2, profile=home))
    assert repo.require_published(home.model_repository).version == 2
    assert repo.kept_versions(home.model_repository) == (2,)


def test_an_ensemble_is_served_in_its_newest_version_alone(home: Profile) -> None:
    repo.write_configs(home.model_repository, read_export(export_of(home)).models, "wheel", [3, 4])
    ensemble = (home.model_repository / "new_item" / "config.pbtxt").read_text()
    assert "versions: [4]" in ensemble
    assert ensemble.count("model_version: 4") == 3
    assert "versions: [3, 4]" in (home.model_repository / "relations" / "config.pbtxt").read_text()


def test_a_version_number_is_never_used_twice(home: Profile) -> None:
    assert repo.next_version(None) == 1
    assert repo.next_version(published(4, 3, 4, 5, profile=home)) == 6


@dataclass
class Answer:
    arrays: dict[str, np.ndarray[Any, Any]]

    def as_numpy(self, name: str) -> np.ndarray[Any, Any]:
        return self.arrays[name]


@dataclass
class Client:
    """Answers each request with what it was made with: the call to a server is the only thing not real here."""

    arrays: dict[str, np.ndarray[Any, Any]]

    def infer(self, *_: object, **__: object) -> Answer:
        return Answer(self.arrays)


def case(**outputs: np.ndarray[Any, Any]) -> GoldenCase:
    values = {name: to_value("STRING" if array.dtype == object else "FP32", array) for name, array in outputs.items()}
    return GoldenCase(model="bundle", inputs={}, outputs=values)


def names(*ids: bytes) -> np.ndarray[Any, Any]:
    return np.array([ids], dtype=np.object_)


def replay(wanted: GoldenCase, **served: np.ndarray[Any, Any]) -> float:
    return replay_golden(Client(served), [wanted], 1)


SCORES = np.array([[0.9, 0.5, 0.5, 0.1]], dtype=np.float32)


def test_the_largest_difference_is_returned() -> None:
    assert replay(case(scores=SCORES), scores=SCORES + np.float32(5e-5)) == pytest.approx(5e-5, rel=1e-2)


@pytest.mark.parametrize("served", [SCORES + np.float32(1e-3), SCORES[:, :3], np.full_like(SCORES, np.nan)], ids=["value", "shape", "nan"])
def test_another_number_another_shape_or_nan_is_refused(served: np.ndarray[Any, Any]) -> None:
    with pytest.raises(ModelInvalid, match="bundle: golden scores differs"):
        replay(case(scores=SCORES), scores=served)


def test_a_case_says_how_far_off_its_numbers_may_be() -> None:
    near = case(scores=SCORES).model_copy(update={"tolerance": 0.02})
    assert replay(near, scores=SCORES + np.float32(0.01)) == pytest.approx(0.01, rel=1e-2)
    with pytest.raises(ModelInvalid, match=r"at most 0\.02"):
        replay(near, scores=SCORES + np.float32(0.03))


def test_ties_may_stand_in_either_order_and_nothing_else() -> None:
    wanted = case(item_ids=names(b"a", b"b", b"c", b"d"), scores=SCORES)
    assert replay(wanted, item_ids=names(b"a", b"c", b"b", b"d"), scores=SCORES) == 0.0
    with pytest.raises(ModelInvalid, match="golden item_ids are others"):
        replay(wanted, item_ids=names(b"b", b"a", b"c", b"d"), scores=SCORES)


@pytest.mark.parametrize(("dtype", "array"), [("FP32", SCORES), ("INT64", np.array([[1, -2]])), ("UINT8", np.array([[255]], dtype=np.uint8))])
def test_values_survive_json(dtype: TensorType, array: np.ndarray[Any, Any]) -> None:
    value = Value.model_validate(json.loads(to_value(dtype, array).model_dump_json()))
    np.testing.assert_array_equal(from_value(value), array)
    assert infer_input("x", value).shape() == list(array.shape)


def test_bytes_survive_json() -> None:
    raw = names(b"\xff\x00", "ü".encode(), b"")
    assert from_value(Value.model_validate_json(to_value("STRING", raw).model_dump_json())).tolist() == raw.tolist()


def test_golden_requests_cover_every_model(home: Profile) -> None:
    assert {case.model for case in read_golden(export_of(home))} == {spec.name for spec in read_export(export_of(home)).models}
