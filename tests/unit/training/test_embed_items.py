"""The job ``embed_items``: only what changed is encoded and written, a killed run goes on, and each row says what it came from."""

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from safetensors.numpy import load_file

from goeswith import lake, releases
from goeswith.catalogue import Writer, find_table
from goeswith.errors import DataContractError, ModelInvalid, ModelUnavailable
from goeswith.jobs import JobResult, JobRun
from goeswith.profile import Profile, load_profile
from tests.tiny_shop import EPOCH, NOW, RUN, item_rows, training_rows, write_rows, write_tiny_lake
from tests.trained_home import copy_home, write_items
from training.cirp.vectors import encode_items
from training.jobs import embed_items, train_cirp

QUICK = {"untrained": True, "image_px": 16, "dim": 16}
OTHER = "other"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home with the tiny lake and the models of two runs, which differ by their seed."""
    profile = load_profile(overrides={"home": tmp_path_factory.mktemp("trained")})
    write_tiny_lake(profile)
    version = write_rows(profile, "training_sets", training_rows(item_rows(profile), OTHER))
    for run, seed in ((RUN, 1), (OTHER, 2)):
        params = {"graph": "full", "overrides": {**QUICK, "seed": seed}}
        train_cirp.run(JobRun(profile=profile, run_id=run, versions={"training_sets": version}, params=params))
    return profile.root


@pytest.fixture
def profile(trained: Path, tmp_path: Path) -> Profile:
    """Return a home of the test's own with that lake and those models."""
    return copy_home(trained, tmp_path / "home")


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the sizes of the blocks that are encoded from now on."""
    sizes: list[int] = []

    def count(model: Any, inputs: Any, items: Any, max_tokens: int) -> Any:
        sizes.append(len(items))
        return encode_items(model, inputs, items, max_tokens)

    monkeypatch.setattr("training.cirp.embed.encode_items", count)
    return sizes


def run_job(profile: Profile, run: str = RUN, **params: Any) -> JobResult:
    versions = {name: lake.open_table(profile, name).version() for name in ("items", "training_sets")}
    return embed_items.run(JobRun(profile=profile, run_id=run, versions=versions, params=params))


def read_rows(profile: Profile) -> dict[str, dict[str, Any]]:
    return {row["item_id"]: row for row in lake.read_table(profile, "item_embeddings", where={"model": "cirp"}).to_pylist()}


def change_items(profile: Profile, change: Callable[[dict[str, Any]], dict[str, Any] | None]) -> None:
    """Write the catalogue anew; ``change`` returns an item as it is from now on, or None for one that is gone."""
    rows = lake.read_table(profile, "items").to_pylist()
    write_items(profile, [new for new in map(change, rows) if new is not None])
    gone = [row["item_id"] for row in rows if change(row) is None]
    lake.delete_rows(profile, "items", pa.table({"item_id": pa.array(gone, pa.string())}), writer=Writer.SPARK)


def release_embeddings(profile: Profile, run: str) -> None:
    releases.write_release(profile, run, {name: lake.open_table(profile, name).version() for name in ("items", "item_embeddings", "training_sets")})


def test_the_vectors_are_those_that_the_training_wrote_and_say_what_they_came_from(profile: Profile) -> None:
    result = run_job(profile)
    rows = read_rows(profile)
    written = load_file(profile.models / RUN / "full" / "cirp" / "vectors.safetensors")["feature"]
    assert np.allclose([rows[item]["vector"] for item in sorted(rows)], written, atol=1e-6)
    assert {(row["model_version"], row["release"], row["known_at"], tuple(row["modalities"])) for row in rows.values()} == {
        (RUN, RUN, NOW, ("text", "image"))
    }
    assert result.summary == {"model": RUN, "items": 60, "encoded": 60, "removed": 0}
    assert lake.open_table(profile, "item_embeddings").history(1)[0]["consumed"] == "items=1,training_sets=2"


def test_the_same_again_encodes_nothing_and_makes_no_commit(profile: Profile, encoded: list[int]) -> None:
    first = run_job(profile)
    again = run_job(profile)
    assert again.versions == first.versions
    assert again.summary["encoded"] == 0
    assert encoded == [60]


def test_a_run_that_was_killed_goes_on_behind_its_last_block(
    profile: Profile, encoded: list[int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(embed_items, "BLOCK", 16)
    whole = load_profile(overrides={"home": shutil.copytree(profile.root, tmp_path / "whole", symlinks=True)})
    run_job(whole)
    encoded.clear()
    original, writes = lake.write_table, [0]

    def die(*args: Any, **options: Any) -> int:
        writes[0] += 1
        if writes[0] == 3:
            raise KeyboardInterrupt
        return original(*args, **options)

    with monkeypatch.context() as patched:
        patched.setattr(lake, "write_table", die)
        with pytest.raises(KeyboardInterrupt):
            run_job(profile)
    assert len(read_rows(profile)) == 32
    run_job(profile)
    assert encoded == [16, 16, 16, 16, 12], "the block that was lost and the one behind it, and no other"
    one, other = ({item: {**row, "updated_at": None} for item, row in read_rows(home).items()} for home in (profile, whole))
    assert one == other


def test_a_title_that_changed_rewrites_its_row_and_no_other(profile: Profile, encoded: list[int]) -> None:
    run_job(profile)
    before = read_rows(profile)
    change_items(profile, lambda row: {**row, "title": "green spatula"} if row["item_id"] == "pen-red-0" else {**row, "price": 99.0})
    run_job(profile, "later", models=RUN)
    after = read_rows(profile)
    assert encoded == [60, 1]
    assert {item for item in after if after[item] != before[item]} == {"pen-red-0"}
    assert (after["pen-red-0"]["model_version"], after["pen-red-0"]["release"]) == (RUN, "later")
    assert not np.allclose(after["pen-red-0"]["vector"], before["pen-red-0"]["vector"], atol=1e-3)


def test_another_picture_rewrites_the_row_and_one_that_is_gone_leaves_the_text(profile: Profile) -> None:
    run_job(profile)
    before = read_rows(profile)
    blue = next(row["image"] for row in lake.read_table(profile, "items").to_pylist() if row["item_id"] == "pen-blue-0")
    pictures = {"pen-red-0": blue, "pen-red-1": None}
    change_items(profile, lambda row: {**row, "image": pictures.get(row["item_id"], row["image"])})
    assert run_job(profile).summary["encoded"] == 2
    after = read_rows(profile)
    assert {item for item in after if after[item]["vector"] != before[item]["vector"]} == set(pictures)
    assert after["pen-red-1"]["modalities"] == ["text"]


def test_an_item_that_is_gone_loses_its_row_and_a_new_one_gets_one_without_training(profile: Profile, encoded: list[int]) -> None:
    run_job(profile)
    before = read_rows(profile)
    new = {**lake.read_table(profile, "items").to_pylist()[0], "item_id": "new", "title": "a thing nobody knew", "known_at": NOW + timedelta(days=3)}
    change_items(profile, lambda row: None if row["item_id"] == "pen-red-0" else row)
    write_rows(profile, "items", [{name: value for name, value in new.items() if name != "updated_at"}])
    result = run_job(profile, "later", models=RUN)
    after = read_rows(profile)
    assert set(after) == (set(before) - {"pen-red-0"}) | {"new"}
    assert encoded == [60, 1]
    assert result.summary == {"model": RUN, "items": 60, "encoded": 1, "removed": 1}
    assert after["new"]["known_at"] == NOW + timedelta(days=3), "its vector is known once the item is"
    assert all(after[item] == before[item] for item in set(after) - {"new"})


def test_another_model_rewrites_every_row(profile: Profile) -> None:
    run_job(profile)
    before = read_rows(profile)
    assert run_job(profile, OTHER).summary == {"model": OTHER, "items": 60, "encoded": 60, "removed": 0}
    after = read_rows(profile)
    assert {(row["model_version"], row["release"]) for row in after.values()} == {(OTHER, OTHER)}
    assert not any(after[item]["made_from"] == before[item]["made_from"] for item in after)


def test_the_rows_of_the_other_model_are_left_alone(profile: Profile) -> None:
    own = {"model": "mmsc", "item_id": "gone", "vector": [1.0], "modalities": ["text"], "model_version": RUN, "release": RUN, "known_at": EPOCH}
    write_rows(profile, "item_embeddings", [own])
    before = lake.read_table(profile, "item_embeddings", where={"model": "mmsc"})
    run_job(profile)
    assert lake.read_table(profile, "item_embeddings", where={"model": "mmsc"}).equals(before)


def test_a_run_that_trained_nothing_reads_with_the_model_behind_the_released_vectors(profile: Profile) -> None:
    run_job(profile, OTHER)
    release_embeddings(profile, OTHER)
    run_job(profile)
    assert run_job(profile, "later").summary["model"] == OTHER, "what is released counts, not what was written last"


def test_without_any_model_the_error_says_what_to_run(profile: Profile) -> None:
    with pytest.raises(ModelUnavailable, match="goeswith run train"):
        run_job(profile, "later")


def test_a_model_that_is_not_complete_is_named_and_nothing_else_is_taken(profile: Profile) -> None:
    run_job(profile)
    release_embeddings(profile, RUN)
    with pytest.raises(ModelInvalid, match="train_cirp"):
        run_job(profile, "later", models="nobody")
    models = profile.root / "models"
    models.unlink()
    (models / "half" / "full" / "cirp").mkdir(parents=True)
    with pytest.raises(ModelInvalid, match="half/full/cirp holds no complete CIRP"):
        run_job(profile, "half")


def test_a_model_whose_training_set_is_gone_is_refused(profile: Profile) -> None:
    lake.write_table(profile, "training_sets", find_table("training_sets").schema.empty_table(), writer=Writer.FEATURES, replace={"run": RUN})
    with pytest.raises(DataContractError, match="build_training_set"):
        run_job(profile)
