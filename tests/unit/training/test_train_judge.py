"""The job ``train_judge`` on a small lake: a language model's verdicts, or a file of people's labels, in; a judge and its figures out."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from goeswith.errors import ConfigError, TrainingStopped
from goeswith.jobs import JobRun
from goeswith.pair_judge.model import load_model
from goeswith.profile import PROJECT_ROOT, Profile
from goeswith.results import read_figures
from tests.tiny_shop import item_rows, write_rows
from training.jobs import train_judge
from training.judge.verdicts import read_verdicts

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FLAT = (1 / 3, 1 / 3, 1 / 3)
CHANCES = {"substitute": (0.8, 0.1, 0.1), "complement": (0.1, 0.7, 0.2), "neither": (0.0, 0.2, 0.8), "": FLAT}


def verdict(src: str, dst: str, label: str, judge: str = "flan-t5", prompt: str = "p", minutes: int = 0) -> dict[str, Any]:
    chances = dict(zip(("p_substitute", "p_complement", "p_neither"), CHANCES[label], strict=True))
    told = {"judge": judge, "prompt_hash": prompt, "model_revision": "1", "judged_at": EPOCH + timedelta(minutes=minutes), "known_at": EPOCH}
    return {"src": src, "dst": dst, **chances, **told}


def true_label(a: dict[str, Any], b: dict[str, Any]) -> str:
    return "substitute" if a["category"] == b["category"] else "complement" if a["category"][0] == b["category"][0] else "neither"


@pytest.fixture
def versions(profile: Profile) -> dict[str, int]:
    """Write 60 items, each judged with 59 others by flan-t5, and by the rules."""
    items = item_rows(profile)
    pairs = [(a, b) for i, a in enumerate(items) for b in items[i + 1 :]]
    counted = [{"graph": "full", "relation": "co_purchase", "src": a["item_id"], "dst": b["item_id"], "n": 1, "known_at": EPOCH} for a, b in pairs]
    told = [verdict(a["item_id"], b["item_id"], true_label(a, b), judge) for a, b in pairs for judge in ("flan-t5", "rules")]
    tables = {"items": items, "item_pairs": counted, "edge_verdicts": told}
    return {name: write_rows(profile, name, rows) for name, rows in tables.items()}


def run(profile: Profile, versions: dict[str, int], **params: Any) -> JobRun:
    return JobRun(profile=profile, run_id="r1", versions=versions, params=params)


def test_a_judge_learns_from_a_language_models_verdicts_and_is_measured_beside_the_rules(profile: Profile, versions: dict[str, int]) -> None:
    result = train_judge.run(run(profile, versions, teacher="flan-t5"))
    model = load_model(Path(result.summary["model"]))
    assert (model.recipe.kind, model.recipe.teacher, model.recipe.pairs) == ("distilled", "flan-t5", 60 * 59 // 2)
    figures = {(f.slice, f.model, f.metric): f for f in read_figures(profile, "judge-verdicts-flan-t5")}
    assert figures["test", "distilled", "accuracy"].value > 0.9
    assert figures["test", "rules", "accuracy"].value == 1.0
    assert {"tfidf", "majority"} < {name for _, name, _ in figures}
    assert (profile.results / "judge-verdicts-flan-t5.png").stat().st_size > 5_000
    again = train_judge.run(run(profile, versions, teacher="flan-t5"))
    assert load_model(Path(again.summary["model"])).revision == model.revision


@pytest.mark.parametrize(
    ("params", "why"),
    [
        ({"teacher": "rules"}, "would teach its own rules"),
        ({"teacher": "distilled"}, "no judge that asks a language model"),
        ({}, "one teacher"),
        ({"teacher": "flan-t5", "labels": "people.tsv"}, "one teacher"),
        ({"teacher": "flan-t5", "least_agreement": 1.0}, "least_agreement"),
    ],
)
def test_who_may_teach_is_said(profile: Profile, params: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError, match=why) as refused:
        train_judge.run(run(profile, {}, **params))
    assert "teacher" in refused.value.remedy


def test_without_verdicts_of_the_teacher_the_way_to_them_is_said(profile: Profile, versions: dict[str, int]) -> None:
    with pytest.raises(TrainingStopped, match="openai has judged no pair") as stopped:
        train_judge.run(run(profile, versions, teacher="openai"))
    assert "judge.kind: openai" in stopped.value.remedy


def test_the_newest_verdict_counts_and_pairs_that_are_gone_or_undecided_do_not(profile: Profile, versions: dict[str, int]) -> None:
    a, b, c = "pan-red-0", "pan-red-1", "pen-red-0"
    newer = [
        verdict(a, b, "neither", prompt="other", minutes=5),
        verdict(a, c, "", prompt="other", minutes=5),
        verdict("gone", a, "neither"),
    ]
    before = read_verdicts(run(profile, versions), "flan-t5")
    after = read_verdicts(run(profile, {**versions, "edge_verdicts": write_rows(profile, "edge_verdicts", newer)}), "flan-t5")
    assert len(after) == len(before) - 1
    told = dict(zip(zip(after.src, after.dst, strict=True), after.labels.tolist(), strict=True))
    assert told[a, b] == 2
    assert (a, c) not in told


@pytest.mark.real_data
@pytest.mark.slow
def test_people_of_fbl_teach_a_judge_that_beats_title_similarity(profile: Profile) -> None:
    labels = PROJECT_ROOT.parent / "shared/data/fbl_human_labels/FBL2023.tsv"
    if not labels.is_file():
        pytest.skip(f"{labels} is missing: this test reads real data")
    train_judge.run(run(profile, {}, labels=str(labels), seed=0))
    figures = {(f.slice, f.model, f.metric): f for f in read_figures(profile, "judge-fbl2023")}
    ours, titles = (figures["test", model, "accuracy"] for model in ("supervised", "tfidf"))
    assert ours.value > 0.72
    assert ours.value > titles.value
