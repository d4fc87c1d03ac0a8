"""The job ``infer_changed``: lists of what came or changed, by the model that is released; all others are left alone."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from goeswith import lake
from goeswith.catalogue import Writer
from goeswith.errors import ModelUnavailable
from goeswith.jobs import JobResult, JobRun
from goeswith.profile import Profile, load_profile
from tests.tiny_shop import NOW, RUN, write_tiny_lake
from tests.trained_home import copy_home, write_items
from training.dataset import read_training_set
from training.jobs import embed_items, infer, infer_changed, train_cirp, train_mmsc
from training.mmsc.neighbours import rank_all
from training.mmsc.recipe import KINDS
from training.mmsc.scorer import load_scorer
from training.mmsc.today import compare, scorer_of
from training.mmsc.tokens import read_cirp_tokens

CIRP = {"untrained": True, "image_px": 16, "dim": 16, "seed": 1}
MMSC = {"width": 24, "item_width": 16, "pool": 32, "batch": 64, "epochs": 4, "fanout": 4}
PLACES = {"k": 5}

Key = tuple[str, str]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home with the tiny lake, and what a training left: both models, vectors and lists."""
    profile = load_profile(overrides={"home": tmp_path_factory.mktemp("trained")})
    write_tiny_lake(profile)
    for job, params in (
        (train_cirp, {"graph": "full", "overrides": CIRP}),
        (train_mmsc, {"overrides": MMSC}),
        (embed_items, {}),
        (infer, PLACES),
    ):
        job.run(JobRun(profile=profile, run_id=RUN, params=params))
    return profile.root


@pytest.fixture
def profile(trained: Path, tmp_path: Path) -> Profile:
    """Return a home of the test's own with that lake and those models."""
    return copy_home(trained, tmp_path / "home")


def run_job(profile: Profile, run: str = "later") -> JobResult:
    names = ("items", "training_sets", "relations", "edge_verdicts")
    versions = {name: version for name in names if (version := lake.current_version(profile, name)) is not None}
    return infer_changed.run(JobRun(profile=profile, run_id=run, versions=versions, params={**PLACES, "models": RUN}))


def read_lists(profile: Profile) -> dict[Key, dict[str, Any]]:
    return {(row["type"], row["item_id"]): row for row in lake.read_table(profile, "item_neighbours").to_pylist()}


def change_items(profile: Profile, change: Callable[[dict[str, Any]], dict[str, Any]], *more: Mapping[str, Any]) -> None:
    write_items(profile, [*map(change, lake.read_table(profile, "items").to_pylist()), *more])


def like(profile: Profile, model: str, **fields: Any) -> dict[str, Any]:
    """Return a row like that of an item, but for some fields."""
    rows = {row["item_id"]: row for row in lake.read_table(profile, "items").to_pylist()}
    return {**rows[model], **fields}


def same(row: dict[str, Any]) -> dict[str, Any]:
    return row


def test_where_nothing_changed_nothing_is_written(profile: Profile) -> None:
    before = lake.current_version(profile, "item_neighbours")
    result = run_job(profile)
    assert result.versions == {"item_neighbours": before}
    assert result.summary == {"model": RUN, "came": 0, "ranked": 0, "lists_removed": 0}


def test_an_item_that_came_gets_both_lists_and_no_other_list_changes(profile: Profile) -> None:
    before = read_lists(profile)
    later = NOW.replace(month=6)
    change_items(profile, same, like(profile, "racket-red-0", item_id="racket-red-9", known_at=later))
    assert run_job(profile).summary == {"model": RUN, "came": 1, "ranked": 1, "lists_removed": 0}
    after = read_lists(profile)
    new = {kind: after.pop((kind, "racket-red-9")) for kind in KINDS}
    assert after == before
    assert new["substitute"]["neighbours"][0]["item_id"] == "racket-red-0", "its very text and picture"
    assert {"balls-red-0", "balls-red-1"} & {place["item_id"] for place in new["complement"]["neighbours"]}
    assert {place["source"] for row in new.values() for place in row["neighbours"]} == {"cold_start"}
    assert {(row["model_version"], row["release"], row["known_at"]) for row in new.values()} == {(RUN, "later", later)}


def test_the_same_again_writes_nothing(profile: Profile) -> None:
    change_items(profile, same, like(profile, "racket-red-0", item_id="racket-red-9"))
    assert run_job(profile, "again").versions == run_job(profile, "once_more").versions


def test_a_title_that_changed_changes_its_own_lists_alone_and_changed_back_they_are_as_before(profile: Profile) -> None:
    before = read_lists(profile)
    change_items(profile, lambda row: {**row, "title": "kitchen pan of steel"} if row["item_id"] == "pen-red-0" else row)
    assert run_job(profile).summary["ranked"] == 1
    after = read_lists(profile)
    assert {item for _, item in after if any(after[kind, item] != before[kind, item] for kind in KINDS)} == {"pen-red-0"}
    change_items(profile, lambda row: {**row, "title": "red pen model 0"} if row["item_id"] == "pen-red-0" else row)
    run_job(profile, "back")
    back = read_lists(profile)
    for kind in KINDS:
        assert answers(back[kind, "pen-red-0"]) == answers(before[kind, "pen-red-0"])


def answers(row: dict[str, Any]) -> list[tuple[str, Any, str]]:
    return [(place["item_id"], pytest.approx(place["score"], abs=1e-5), place["reason"]) for place in row["neighbours"]]


def test_lists_of_an_item_that_is_gone_go_and_nobody_new_is_told_of_it(profile: Profile) -> None:
    gone = pa.table({"item_id": pa.array(["balls-red-0"], pa.string())})
    lake.delete_rows(profile, "items", gone, writer=Writer.SPARK)
    change_items(profile, same, like(profile, "racket-red-0", item_id="racket-red-9"))
    before = read_lists(profile)
    assert run_job(profile).summary["lists_removed"] == 2
    after = read_lists(profile)
    assert set(before) - set(after) == {(kind, "balls-red-0") for kind in KINDS}
    assert not {place["item_id"] for kind in KINDS for place in after[kind, "racket-red-9"]["neighbours"]} & {"balls-red-0"}


def test_before_the_first_training_the_remedy_is_to_train(tmp_path: Path) -> None:
    fresh = load_profile(overrides={"home": tmp_path})
    write_tiny_lake(fresh)
    with pytest.raises(ModelUnavailable, match="trained no CIRP"):
        infer_changed.run(JobRun(profile=fresh, run_id="first"))


def test_an_item_that_is_read_again_unchanged_is_ranked_as_the_training_ranked_it(profile: Profile) -> None:
    folder = profile.models / RUN / "full"
    training = read_training_set(profile, version=1, run=RUN, graph="full")
    everybody = np.ones(len(training.items), dtype=np.bool_)
    again, data = scorer_of(
        folder / "mmsc", training, compare(training.items, training.items, everybody), read_cirp_tokens(folder / "cirp", training.items)
    )
    before, after = rank_all(load_scorer(folder / "mmsc", training), training, 5), rank_all(again, data, 5)
    for kind in KINDS:
        assert np.allclose(before[kind].scores, after[kind].scores, atol=1e-5)
