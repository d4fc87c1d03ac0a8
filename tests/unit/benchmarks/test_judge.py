"""``goeswith bench judge``: the learned judge and the rules answer the same test pairs."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.judge import as_judged, labels_of
from goeswith.command.main import app, call
from goeswith.pair_judge.item import Item
from goeswith.profile import Profile
from goeswith.results import read_figures
from spark_jobs.judges.base import UNDECIDED, ItemPair
from spark_jobs.judges.rules import RulesJudge
from tests.unit.training.judge.test_fit import shop
from tests.unit.training.judge.test_people import table


@pytest.mark.slow
def test_all_judges_sit_the_same_exam_and_splits_are_pooled(profile: Profile, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GOESWITH_HOME", str(profile.root))
    lessons, codes = shop(100), ("1", "4", "8")
    kinds = {name: f"{name}_{item.category[1]}" for name, item in lessons.items.items()}
    told = [f"{kinds[a]} {kinds[b]} {' '.join([codes[i]] * 3)}" for a, b, i in zip(lessons.src, lessons.dst, lessons.labels, strict=True)]
    done = CliRunner().invoke(app, ["bench", "judge", "--labels", str(table(tmp_path, *told)), "--seeds", "2"])
    assert done.exit_code == 0, done.output
    pooled, each = read_figures(profile, "bench-judge"), read_figures(profile, "bench-judge-splits")
    exam = {f.model: f.n for f in pooled if (f.slice, f.metric) == ("test", "accuracy")}
    assert exam.keys() == {"supervised", "rules", "tfidf", "majority"}
    assert len(set(exam.values())) == 1
    assert sum(f.n or 0 for f in each if (f.slice, f.metric, f.model) == ("test", "accuracy", "rules")) == exam["rules"]
    assert {f.seed for f in each} == {0, 1}
    assert (profile.results / "bench-judge.png").is_file()


def test_the_rules_read_what_a_lesson_says_of_an_item() -> None:
    lessons = shop(20)
    judged = as_judged(lessons)
    assert judged[0].src.title == lessons.items[lessons.src[0]].title
    assert len(labels_of(RulesJudge(), judged)) == len(lessons)


def test_a_missing_file_of_labels_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["bench", "judge", "--labels", "/nowhere.tsv"]) == 4
    assert "/nowhere.tsv" in capsys.readouterr().err


def test_a_judge_that_decides_nothing_is_measured_by_its_first_label() -> None:
    nothing = ItemPair(Item(), Item())
    assert RulesJudge().judge([nothing])[0].label == UNDECIDED
    assert labels_of(RulesJudge(), [nothing]).tolist() == [0]
    assert labels_of(RulesJudge(), []).tolist() == []
