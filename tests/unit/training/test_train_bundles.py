"""The job train_bundles on the tiny shop: once, again, changed, killed, and without what it needs."""

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from goeswith.errors import ConfigError, ModelInvalid
from goeswith.jobs import JobResult, JobRun
from goeswith.profile import Profile
from goeswith.results import write_json
from tests.tiny_models import TINY_BUNDLES
from tests.tiny_shop import RUN, item_rows, write_tiny_lake
from training.bundles import fit
from training.bundles.files import TREES, load_bundles
from training.jobs import train_bundles


def job_of(profile: Profile, **overrides: Any) -> JobRun:
    """Return the job over the tiny lake and random tower vectors."""
    folder = profile.models / RUN / "evaluation" / "cirp"
    versions = write_tiny_lake(profile)
    if not folder.exists():
        folder.mkdir(parents=True)
        rng = np.random.default_rng(0)
        save_file({name: rng.normal(size=(60, 8)).astype(np.float32) for name in ("text", "image")}, folder / "vectors.safetensors")
        write_json(folder / "items.json", sorted(row["item_id"] for row in item_rows(profile)))
    params = {"graph": "evaluation", "overrides": {**asdict(TINY_BUNDLES), **overrides}}
    return JobRun(profile=profile, run_id=RUN, versions=versions, params=params)


def folder_of(profile: Profile) -> Path:
    return profile.models / RUN / "evaluation" / "bundles"


def written(profile: Profile) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder_of(profile).iterdir() if path.is_file()}


@pytest.fixture
def trained(profile: Profile) -> JobResult:
    return train_bundles.run(job_of(profile))


def test_it_learns_from_what_is_not_reserved_and_says_how_it_ranks(trained: JobResult) -> None:
    assert trained.summary["graph"] == "evaluation"
    assert (trained.summary["bundles"], trained.summary["baskets"]) == (9, 45)
    assert trained.summary["ranked_by"] == "trees"


def test_the_same_again_trains_nothing_and_another_recipe_does(trained: JobResult, profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    before = written(profile)
    monkeypatch.setattr(train_bundles, "fit_bundles", None)
    assert train_bundles.run(job_of(profile)).summary == trained.summary
    assert written(profile) == before
    monkeypatch.undo()
    train_bundles.run(job_of(profile, dim=4))
    assert load_bundles(folder_of(profile)).knowledge.arrays["set_target"].shape == (60, 4)


def test_a_training_that_was_killed_ends_where_it_would_have(trained: JobResult, profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = written(profile)
    job = job_of(profile)
    (folder_of(profile) / "recipe.json").unlink()

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(fit, "grow", die)
    with pytest.raises(KeyboardInterrupt):
        train_bundles.run(job)
    assert (folder_of(profile) / "fold-0").is_dir(), "what was learned so far stays"
    monkeypatch.undo()
    assert train_bundles.run(job).summary == trained.summary
    assert written(profile) == whole


def test_what_is_served_has_the_trees_that_were_decided_on_and_knows_everything(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    job = job_of(profile)
    train_bundles.run(job)
    shutil.copytree(profile.models / RUN / "evaluation" / "cirp", profile.models / RUN / "full" / "cirp")
    full = JobRun(profile=profile, run_id=RUN, versions=job.versions, params={**job.params, "graph": "full"})
    monkeypatch.setattr(train_bundles, "fit_bundles", None)
    assert train_bundles.run(full).summary["bundles"] == 15
    folders = [profile.models / RUN / graph / "bundles" for graph in ("evaluation", "full")]
    decided, served = map(load_bundles, folders)
    assert (folders[0] / TREES).read_bytes() == (folders[1] / TREES).read_bytes()
    assert served.knowledge.arrays["met_data"].sum() > decided.knowledge.arrays["met_data"].sum()


def test_a_shop_without_bundles_and_events_gets_a_model_that_ranks_by_content(profile: Profile) -> None:
    job = job_of(profile)
    empty = dict.fromkeys(("events", "bundles", "holdout"), 0)  # their first version, before anything was written
    bare = JobRun(profile=profile, run_id=RUN, versions={**job.versions, **empty}, params=job.params)
    assert train_bundles.run(bare).summary == {"graph": "evaluation", "bundles": 0, "baskets": 0, "asked_about": "baskets", "ranked_by": "set"}


def test_without_the_encoders_vectors_the_error_names_the_job_that_makes_them(profile: Profile) -> None:
    job = job_of(profile)
    (profile.models / RUN / "evaluation" / "cirp" / "vectors.safetensors").unlink()
    with pytest.raises(ModelInvalid, match="train_cirp"):
        train_bundles.run(job)


@pytest.mark.parametrize("overrides", [{"folds": 1}, {"depth": 3}])
def test_a_recipe_out_of_bounds_is_refused(profile: Profile, overrides: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="train_bundles"):
        train_bundles.run(job_of(profile, **overrides))
