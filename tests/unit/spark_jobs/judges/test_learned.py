"""The learned judge in the pipeline: named after its teacher, symmetric in abstaining, and of no effect where it abstains."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from goeswith.catalogue import find_table
from goeswith.catalogue.graph import JUDGES, LABELS
from goeswith.catalogue.graph import LABELS as CATALOGUE_LABELS
from goeswith.catalogue.rules import OneOf
from goeswith.errors import ConfigError
from goeswith.pair_judge.features import STATISTICS
from goeswith.pair_judge.item import Item
from goeswith.pair_judge.model import RECIPE, write_model
from goeswith.settings import JudgeSettings
from spark_jobs.judges import build_judge
from spark_jobs.judges.base import ItemPair, Verdict
from spark_jobs.judges.learned import LearnedJudge
from spark_jobs.judges.worker import judge_frames
from tests.unit.goeswith.pair_judge.test_model import recipe

PEN = Item(title="black pen", category=("office", "pen"))
OTHER_PEN = Item(title="black pen fine", category=("office", "pen"))
PAN = Item(title="frying pan", category=("kitchen", "pan"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write a judge that goes by title overlap alone: alike titles are substitutes, others are hard to tell."""
    weights = np.zeros((recipe().shape.width, 3), np.float32)
    weights[STATISTICS.index("title_overlap"), 0] = 6
    write_model(tmp_path, recipe(kind="distilled", teacher="flan-t5", abstain_below=0.6), weights)
    return tmp_path


def judge(folder: Path, *pairs: tuple[Item, Item]) -> list[Verdict]:
    return LearnedJudge(folder, "distilled").judge([ItemPair(*pair) for pair in pairs])


def test_a_verdict_names_teacher_and_label(folder: Path) -> None:
    (verdict,) = judge(folder, (PEN, OTHER_PEN))
    assert verdict.label == "substitute"
    assert verdict.reason == "distilled from flan-t5: substitute"


def test_it_abstains_in_both_orders_with_equal_chances_and_says_so(folder: Path) -> None:
    for verdict in judge(folder, (PEN, PAN), (PAN, PEN)):
        assert verdict.p_substitute == verdict.p_complement == verdict.p_neither
        assert verdict.reason.startswith("abstained: ")


def test_equal_chances_meet_no_condition_by_which_an_edge_is_moved_or_dropped(folder: Path) -> None:
    (verdict,) = judge(folder, (PEN, PAN))
    own, other = verdict.p_complement, verdict.p_substitute
    assert not (verdict.p_neither > max(own, other))  # spark_jobs/edge_types.py: dropped
    assert not (other > own)  # moved


def test_pairs_keep_their_order_and_none_is_no_mistake(folder: Path) -> None:
    assert judge(folder) == []
    both = judge(folder, (PEN, OTHER_PEN), (PEN, PAN))
    assert both == judge(folder, (PEN, OTHER_PEN)) + judge(folder, (PEN, PAN))


def test_the_profile_chooses_it_by_kind_and_folder(folder: Path) -> None:
    built = build_judge(JudgeSettings(kind="distilled", model=str(folder)))
    assert (built.name, len(built.revision)) == ("distilled", 16)


def test_a_spark_worker_judges_by_it_from_the_settings_alone(folder: Path) -> None:
    items = {"src_item": json.dumps({"title": PEN.title}), "dst_item": json.dumps({"title": OTHER_PEN.title})}
    asked = {"src": "a", "dst": "b", "prompt_hash": "h", "known_at": pd.Timestamp("2026-01-01", tz="UTC"), "most_tokens": 0, "most_cost": 0.0}
    frame = pd.DataFrame([{**asked, **items}])
    (answers,) = judge_frames(iter([frame]), JudgeSettings(kind="distilled", model=str(folder)))
    assert answers["reason"].tolist() == ["distilled from flan-t5: substitute"]
    assert answers["failure"].isna().all()


def test_without_a_recipe_the_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=RECIPE) as refused:
        build_judge(JudgeSettings(kind="supervised", model=str(tmp_path)))
    assert "train_judge" in refused.value.remedy


def test_a_distilled_judge_does_not_pass_for_a_supervised_one(folder: Path) -> None:
    with pytest.raises(ConfigError, match="distilled, not supervised"):
        _ = build_judge(JudgeSettings(kind="supervised", model=str(folder))).revision


def test_its_labels_and_names_are_the_catalogues() -> None:
    assert LABELS == CATALOGUE_LABELS
    assert {"distilled", "supervised"} < set(JUDGES)
    assert OneOf(column="judge", values=JUDGES) in find_table("edge_verdicts").rules
