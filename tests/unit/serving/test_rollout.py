"""What is published, compared and kept, without a server: exports, golden answers, the repository on disk."""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from goeswith.errors import ConfigError, ModelInvalid, ModelUnavailable
from goeswith.jobs import JobRun
from goeswith.model_contract import MANIFEST, GoldenCase, TensorType, Value, from_value, read_export, read_golden, to_value
from goeswith.profile import Profile, load_profile
from goeswith.releases import write_release
from serving.rollout import publish
from serving.rollout import repository as repo
from serving.rollout.change import roll_back
from serving.rollout.current import model_status, serve_current
from serving.rollout.golden import infer_input, replay_golden
from serving.rollout.integrity import check_files, golden_of
from serving.rollout.manifest import Version, make_current, require_trusted, write_published
from serving.rollout.manifest import roll_back as roll_back_state
from tests.tiny_models import shared_home
from tests.tiny_shop import RUN


@pytest.fixture
def home(tmp_path: Path) -> Profile:
    """Return a profile of its own that holds the tiny export, with ports on which nothing listens."""
    shutil.copytree(shared_home() / "models", tmp_path / "models")
    return load_profile(overrides={"home": tmp_path, "triton": {"grpc_port": 1, "http_port": 2, "metrics_port": 3}})


def export_of(profile: Profile) -> Path:
    return profile.models / RUN / "export"


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


def staged(profile: Profile, number: int) -> Version:
    """Put a version of the tiny export into the repository, as a publish does before it is named."""
    manifest = read_export(export_of(profile))
    repo.build_staging(profile.model_repository, export_of(profile), manifest, number)
    repo.adopt_staging(profile.model_repository, number)
    files = repo.files_of(manifest, number)
    return Version(version=number, run=RUN, release=RUN, made_from="x", models=manifest.models, metrics=(), feature_names=(), files=files)


def test_status_says_why_the_served_models_were_trained(home: Profile) -> None:
    write_release(home, RUN, {}, reason="drift: prices")
    write_published(home, make_current(None, staged(home, 1)))
    assert model_status(home).why == "drift: prices"


def test_history_says_why_a_published_version_was_trained(home: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    write_release(home, RUN, {}, reason="drift: prices")
    for name, found in {"verify_alone": (None, 0.0), "serve": None, "replay_served": 0.0}.items():
        monkeypatch.setattr(publish, name, lambda *_, found=found, **__: found)
    publish.run(JobRun(profile=home, run_id="p"))
    assert [(event.what, event.why) for event in require_trusted(home).history] == [("published", "drift: prices")]


def test_a_version_is_whole_in_itself_code_and_golden_requests_included(home: Profile) -> None:
    version = staged(home, 7)
    assert (home.model_repository / "relations" / "7" / "model.py").is_file()
    assert not list((home.model_repository / "new_item" / "7").iterdir())
    assert golden_of(home.model_repository, version) == read_golden(export_of(home))
    assert check_files(home.model_repository, version) == len(version.files)


def test_python_leaves_no_byte_code_in_a_version(home: Profile) -> None:
    staged(home, 1)
    folder = home.model_repository / "bundle" / "1"
    subprocess.run([sys.executable, "-c", "import ranking"], cwd=folder, check=True, env={"PYTHONPATH": str(folder)})
    assert (folder / "__pycache__").is_file()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda f: (f / "items.json").write_text("{}"), "items.json has another hash"),
        (lambda f: (f / "items.json").unlink(), "items.json is missing"),
        (lambda f: (f / "more.py").write_text("import os"), "more.py is no file of it"),
    ],
    ids=["changed", "missing", "added"],
)
def test_a_version_that_is_not_what_was_published_is_not_served(home: Profile, spoil: Any, said: str) -> None:
    version = staged(home, 1)
    write_published(home, make_current(None, version))
    spoil(home.model_repository / "bundle" / "1")
    with pytest.raises(ModelInvalid, match=f"bundle/1/{said}") as refused:
        serve_current(home)
    assert refused.value.remedy == f"publish it again: goeswith rollout publish --run {RUN}"


def test_where_there_is_a_good_version_the_remedy_is_to_go_back_to_it(home: Profile) -> None:
    write_published(home, make_current(make_current(None, staged(home, 1)), staged(home, 2)))
    (home.model_repository / "bundle" / "2" / "items.json").write_text("half")
    with pytest.raises(ModelInvalid) as refused:
        serve_current(home)
    assert refused.value.remedy == "go back to the last good version: goeswith rollout rollback"
    assert roll_back(home).version == 1
    assert not (home.model_repository / "bundle" / "2").exists()


def test_only_named_versions_stay(home: Profile) -> None:
    first, second = staged(home, 1), staged(home, 2)
    repo.remove_unnamed(home.model_repository, (2,))
    assert {path.name for path in home.model_repository.glob("*/[0-9]*")} == {"2"}
    write_published(home, make_current(None, second))
    assert require_trusted(home).version == 2
    with pytest.raises(ConfigError, match=f"version {first.version} is not kept"):
        require_trusted(home).find(first.version)


def test_each_version_of_an_ensemble_is_a_model_of_its_own(home: Profile) -> None:
    models = read_export(export_of(home)).models
    serving = repo.Serving(current=3, beside=(4,))
    repo.write_configs(home.model_repository, models, "wheel", serving, home.triton)
    for name, version in (("new_item", 3), ("new_item_v4", 4)):
        ensemble = (home.model_repository / name / "config.pbtxt").read_text()
        assert f"versions: [{version}]" in ensemble
        assert ensemble.count(f"model_version: {version}") == 3
    assert "versions: [3, 4]" in (home.model_repository / "relations" / "config.pbtxt").read_text()
    assert repo.model_names(models, serving)[-2:] == ["new_item", "new_item_v4"]


def test_a_config_that_says_so_already_is_left_as_it_is_so_that_nothing_is_loaded_twice(home: Profile) -> None:
    models, serving = read_export(export_of(home)).models, repo.Serving(current=1)
    repo.write_configs(home.model_repository, models, "wheel", serving, home.triton)
    before = {path: path.stat().st_mtime_ns for path in home.model_repository.rglob("*")}
    repo.write_configs(home.model_repository, models, "wheel", serving, home.triton)
    assert {path: path.stat().st_mtime_ns for path in home.model_repository.rglob("*")} == before


def test_a_version_number_is_never_used_twice_not_even_one_that_a_killed_publish_used(home: Profile) -> None:
    assert repo.next_version(home.model_repository, None) == 1
    state = roll_back_state(make_current(make_current(None, staged(home, 4)), staged(home, 5)), None)
    assert repo.next_version(home.model_repository, state) == 6
    (home.model_repository / "relations" / "9").mkdir()
    assert repo.next_version(home.model_repository, state) == 10


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
