"""The job compare_models on the tiny shop, with trained models: a twin goes on, one that was spoilt is kept back, and the record says why."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load_file, save_file

from goeswith import lake
from goeswith.errors import ConfigError, ModelInvalid
from goeswith.jobs import JobResult, JobRun
from goeswith.model_contract import MANIFEST
from goeswith.profile import Profile, load_profile
from goeswith.promotions import Promotion, promotion_path, require_promotion, write_promotion
from goeswith.releases import invalidate_releases
from goeswith.results import write_json
from tests.tiny_models import TINY_BUNDLES
from tests.tiny_shop import item_rows, training_rows, write_rows, write_tiny_lake
from tests.unit.training.mmsc.tiny import write_tiny_cirp
from training.dataset import read_training_set
from training.jobs import compare_models, train_bundles, train_mmsc

OLD, NEW = "old", "new"
MMSC = {"width": 24, "item_width": 16, "pool": 32, "batch": 64, "epochs": 4, "fanout": 4}
FEW = {"min_questions": 5}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home with the tiny shop, evaluation fits of two runs that are twins, and the first of them served."""
    profile = load_profile(overrides={"home": tmp_path_factory.mktemp("compared")})
    versions = write_tiny_lake(profile, OLD)
    items = read_training_set(profile, version=versions["training_sets"], run=OLD, graph="evaluation").items
    write_tiny_cirp(profile, items, "evaluation", OLD)
    for job, overrides in ((train_mmsc, MMSC), (train_bundles, asdict(TINY_BUNDLES))):
        job.run(JobRun(profile=profile, run_id=OLD, versions=versions, params={"graph": "evaluation", "overrides": overrides}))
    write_rows(profile, "training_sets", training_rows(item_rows(profile), NEW))
    shutil.copytree(profile.models / OLD, profile.models / NEW)
    serve(profile, OLD)
    return profile.root


def serve(profile: Profile, run: str) -> None:
    write_json(profile.model_repository / MANIFEST, {"version": 1, "run": run, "release": run})


@pytest.fixture
def shop(trained: Path, tmp_path: Path) -> Profile:
    shutil.copytree(trained, tmp_path / "home")
    return load_profile(overrides={"home": tmp_path / "home"})


def compare(profile: Profile, **params: Any) -> JobResult:
    version = lake.open_table(profile, "training_sets").version()
    return compare_models.run(JobRun(profile=profile, run_id=NEW, versions={"training_sets": version}, params={**FEW, **params}))


def spoil(profile: Profile, run: str = NEW) -> None:
    """Give every item the vectors of another one."""
    path = profile.models / run / "evaluation" / "mmsc" / "vectors.safetensors"
    order = np.random.default_rng(0).permutation(60)
    save_file({name: array[order] if len(array) == 60 else array for name, array in load_file(path).items()}, path)


def test_a_twin_of_the_champion_is_no_worse_on_any_slice(shop: Profile) -> None:
    assert compare(shop).summary == {"decision": "undecided", "reason": "no worse than old/1 on 3 slices", "champion": "old/1", "slices": 5}
    record = require_promotion(shop, NEW)
    assert {(d.task, d.slice) for d in record.compared.differences if d.guarded} == {
        ("bundle", "all"),
        ("bundle", "no_variants"),
        ("complements", "held_baskets"),
    }
    assert all((d.difference.low, d.difference.value, d.difference.high) == (0, 0, 0) for d in record.compared.differences)


def test_a_spoilt_challenger_is_kept_back_with_task_slice_and_numbers(shop: Profile) -> None:
    spoil(shop)
    summary = compare(shop).summary
    assert summary["decision"] == "kept back"
    assert summary["reason"].startswith("worse than old/1 by more than 5%: complements held_baskets ndcg@10 0.")
    (lost,) = [d for d in require_promotion(shop, NEW).compared.differences if d.task == "complements"]
    assert lost.difference.high < -0.05 * lost.champion.value
    assert lost.champion.value == 1


def test_a_spoilt_champion_is_beaten(shop: Profile) -> None:
    spoil(shop, OLD)
    assert compare(shop).summary["decision"] == "undecided"
    (won,) = [d for d in require_promotion(shop, NEW).compared.differences if d.task == "complements"]
    assert won.difference.low > 0


def test_what_each_reached_on_every_question_is_kept_and_gives_the_stated_means(shop: Profile) -> None:
    spoil(shop)
    compare(shop)
    rows = pq.read_table(shop.models / NEW / compare_models.ANSWERS).to_pylist()
    for each in require_promotion(shop, NEW).compared.differences:
        asked = [row for row in rows if (row["task"], row["slice"]) == (each.task, each.slice)]
        assert len(asked) == each.n
        assert np.mean([row["challenger"] for row in asked]) == pytest.approx(each.challenger.value)
        assert np.mean([row["champion"] for row in asked]) == pytest.approx(each.champion.value)
    assert all(row["target"] not in row["query"] for row in rows)


def test_slices_with_few_questions_keep_nobody_back_and_are_told(shop: Profile) -> None:
    spoil(shop)
    assert compare(shop, min_questions=13).summary["reason"] == "too few questions that old/1 may be asked, too, to compare them"


def test_before_the_first_model_there_is_nothing_to_be_worse_than(shop: Profile) -> None:
    (shop.model_repository / MANIFEST).unlink()
    assert compare(shop).summary == {"decision": "undecided", "reason": "no models are served yet", "champion": None, "slices": 0}


def test_a_champion_whose_models_are_gone_or_damaged_keeps_the_challenger_back_until_somebody_says_why_not(shop: Profile) -> None:
    shutil.rmtree(shop.models / OLD / "evaluation" / "bundles")
    shutil.rmtree(shop.models / OLD / "evaluation" / "mmsc")
    found = compare(shop).summary
    assert found["decision"] == "kept back"
    assert "old/1 cannot be asked, so nobody knows which is better" in found["reason"]
    assert "promote_anyway" in found["reason"]
    anyway = compare(shop, promote_anyway="a new format of models").summary
    assert anyway["decision"] == "undecided"
    assert anyway["reason"].startswith("goes on because of 'a new format of models', although old/1 cannot be asked")


def test_a_loss_is_let_pass_with_the_reason_and_stays_in_the_record(shop: Profile) -> None:
    spoil(shop)
    found = compare(shop, promote_anyway="the shop sells other things now").summary
    assert found["decision"] == "undecided"
    assert "although worse than old/1" in found["reason"]
    assert found["slices"] == 5


def test_a_champion_whose_data_nobody_may_read_any_more_is_replaced(shop: Profile) -> None:
    invalidate_releases(shop, [OLD], "a user was forgotten")
    assert compare(shop).summary["reason"] == "old/1 is to be replaced: its release is invalid (a user was forgotten)"


def test_the_same_again_compares_nothing_and_leaves_what_was_decided_since(shop: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    compare(shop)
    later = require_promotion(shop, NEW).model_copy(update={"decision": "promoted"})
    write_promotion(shop, later)
    monkeypatch.setattr(compare_models, "compare", None)
    assert compare(shop).summary == {
        "decision": "promoted",
        "reason": "no worse than old/1 on 3 slices",
        "champion": "old/1",
        "slices": 5,
        "unchanged": True,
    }
    assert require_promotion(shop, NEW) == later


def test_a_run_that_is_served_by_now_keeps_its_record_and_trained_anew_it_is_kept_back(shop: Profile) -> None:
    compare(shop)
    before = require_promotion(shop, NEW)
    serve(shop, NEW)
    assert compare(shop).summary["unchanged"]
    assert require_promotion(shop, NEW) == before
    spoil(shop)
    assert compare(shop).summary["reason"].startswith("new/1 is served, and was trained anew under its own name")


def test_another_champion_is_another_comparison(shop: Profile) -> None:
    compare(shop)
    shutil.copytree(shop.models / OLD, shop.models / "other")
    write_json(shop.model_repository / MANIFEST, {"version": 2, "run": OLD, "release": OLD})
    assert compare(shop).summary["champion"] == "old/2"


def test_a_record_that_was_cut_short_is_named(shop: Profile) -> None:
    compare(shop)
    promotion_path(shop, NEW).write_text("{", encoding="utf-8")
    with pytest.raises(ModelInvalid, match="is no record of a promotion"):
        compare(shop)


def test_an_unknown_parameter_is_refused_with_the_legal_ones(shop: Profile) -> None:
    with pytest.raises(ConfigError, match="margin"):
        compare(shop, margins=0.1)


def test_the_record_is_json_that_reads_back_as_it_was(shop: Profile) -> None:
    compare(shop)
    path = promotion_path(shop, NEW)
    assert Promotion.model_validate(json.loads(path.read_text(encoding="utf-8"))) == require_promotion(shop, NEW)
