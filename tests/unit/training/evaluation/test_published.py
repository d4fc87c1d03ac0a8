"""A published split: what is read, what is refused, and measures that are known by hand."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from goeswith.errors import SourceUnreadable
from goeswith.results import Figure
from tests.unit.training.evaluation.small_worlds import make_items, make_pairs, make_set
from training.dataset import Floats, Ints, TrainingSet
from training.evaluation.contenders import Contenders
from training.evaluation.graph import KINDS
from training.evaluation.pages import by_table, figures_markdown, main_rows
from training.evaluation.published import Published, evaluate_published, link_measures, read_published, score_published, slice_measures
from training.evaluation.run import Plan
from training.scorers import RelationScorer

PLAN = Plan(max_queries=10, bootstrap=50, seed=0)
SPLIT = "1 i00 i01 1\n1 i02 i03 0\n2 i00 i02 1\n2 i01 i03 0\n"
WORLD = make_set(5, [(1, 0, "complement"), (0, 4, "complement")])


class Told:
    """A scorer that was told what to say of each pair."""

    def __init__(self, name: str, scores: dict[tuple[str, int, int], float]) -> None:
        self.name, self.scores = name, scores

    def score(self, kind: str, src: Ints, candidates: Ints) -> Floats:
        return np.array([[self.scores.get((kind, int(a), int(b)), 0.0) for b in row] for a, row in zip(src, candidates, strict=True)], np.float32)


ORACLE = Told("oracle", {("complement", 0, 1): 1.0, ("substitute", 0, 2): 1.0})
LEVEL = Told("level", {})


def write(folder: Path, text: str) -> Path:
    path = folder / "test.txt"
    path.write_text(text, encoding="utf-8")
    return path


def contenders(folder: Path, monkeypatch: pytest.MonkeyPatch, *scorers: RelationScorer) -> Contenders:
    monkeypatch.setattr(Contenders, "for_both", lambda *_: {kind: [*scorers] for kind in KINDS})
    return Contenders(folder)


def value(figures: list[Figure], part: str, model: str, metric: str = "roc_auc") -> float:
    (found,) = [f.value for f in figures if (f.slice, f.model, f.metric) == (part, model, metric)]
    return found


def test_pairs_are_read_with_their_type_their_label_and_whether_training_joins_them(tmp_path: Path) -> None:
    pairs = read_published(write(tmp_path, SPLIT), WORLD)
    assert pairs.kinds.tolist() == ["complement", "complement", "substitute", "substitute"]
    assert (pairs.src.tolist(), pairs.dst.tolist()) == ([0, 2, 0, 1], [1, 3, 2, 3])
    assert pairs.labels.tolist() == [True, False, True, False]
    assert pairs.joined.tolist() == [True, False, False, False], "i01 -> i00 is an edge of training"


def test_a_pair_with_an_unknown_item_is_left_out_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, f"{SPLIT}1 i00 i99 1\n")
    assert (len(read_published(path, WORLD)), read_published(path, WORLD).left_out) == (4, 1)
    asked = contenders(tmp_path, monkeypatch, ORACLE)
    evaluate_published(WORLD, "tiny", path, asked, PLAN)
    assert asked.skipped["published pairs"] == "1 of 5 name an item that training does not know"


def test_a_split_of_other_items_is_no_figure_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = contenders(tmp_path, monkeypatch, ORACLE)
    assert evaluate_published(WORLD, "tiny", write(tmp_path, "1 a b 1\n2 a c 0\n"), asked, PLAN) == []
    assert "2 of 2" in asked.skipped["published pairs"]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("1 i00 i01 1\n1 i02 i03\n", "Expected 4 columns, got 3"),
        ("1 i00 i01 1\n1 i02 i03 0 5\n", "Expected 4 columns, got 5"),
        ("3 i00 i01 1\n", "the type '3'"),
        ("1 i00 i01 yes\n", "the label 'yes'"),
        ("", "cannot be read"),
    ],
)
def test_a_malformed_file_is_refused_with_what_is_wrong(tmp_path: Path, text: str, what: str) -> None:
    with pytest.raises(SourceUnreadable, match=what):
        read_published(write(tmp_path, text), WORLD)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable, match=r"no file .*test\.txt"):
        read_published(tmp_path / "test.txt", WORLD)


def test_the_measures_of_five_pairs_are_what_a_hand_finds() -> None:
    labels = np.array([True, True, False, True, False])
    scores = np.array([0.9, 0.8, 0.7, 0.6, 0.1], dtype=np.float32)
    roc, pr, f1 = link_measures(labels, scores)
    assert roc == pytest.approx(5 / 6)  # of 3 x 2 comparisons one is lost: .6 against .7
    assert f1 == pytest.approx(2 / 3)  # the three highest are called true, two of them are
    assert pr == pytest.approx(2 / 3 + (2 / 3 + 3 / 4) / 2 / 3)  # precision 1 up to recall 2/3, then a trapezoid from 2/3 to 3/4


def test_who_scores_all_alike_calls_all_true() -> None:
    roc, _, f1 = link_measures(np.array([True, False]), np.zeros(2, dtype=np.float32))
    assert (roc, f1) == (0.5, pytest.approx(2 / 3))


def test_pairs_of_one_label_have_no_measure() -> None:
    assert np.isnan(link_measures(np.ones(3, dtype=bool), np.arange(3, dtype=np.float32))).all()


def test_the_mean_is_over_types_not_over_pairs_and_new_leaves_out_what_training_joins() -> None:
    pairs = Published(
        kinds=np.array(["complement"] * 6 + ["substitute"] * 2),
        src=np.arange(8),
        dst=np.arange(8),
        labels=np.array([True, True, False, False, False, False, True, False]),
        joined=np.array([True, False, False, False, False, True, False, False]),
        left_out=0,
    )
    scores = np.array([9, 0, 1, 2, 3, 4, 1, 0], dtype=np.float32)
    both, substitute, complement, new = slice_measures(pairs, scores, np.arange(8))[:, 0]
    assert (substitute, complement) == (1.0, 0.5)
    assert both == 0.75
    assert new == 0.5, "the true pair that training joins is out, the false one stays"


def test_every_slice_of_every_model_has_its_figures_and_interval(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [f"{kind} i{a:02d} i{b:02d} {int(a == 0)}\n" for kind in (1, 2) for a in range(5) for b in range(5) if a != b]
    oracle = Told("oracle", {(kind, 0, b): 1.0 for kind in ("substitute", "complement") for b in range(5)})
    figures = evaluate_published(WORLD, "tiny", write(tmp_path, "".join(lines)), contenders(tmp_path, monkeypatch, oracle, LEVEL), PLAN)
    assert {value(figures, part, "oracle", m) for part in ("both", "substitute", "complement", "new") for m in ("roc_auc", "pr_auc", "f1")} == {1.0}
    assert value(figures, "both", "level") == 0.5
    assert {f.n for f in figures if f.slice == "both"} == {40}
    assert {f.n for f in figures if f.slice == "new"} == {36}, "two true pairs a type are edges of training, one of them the other way round"
    assert all(f.low is not None and f.high is not None and f.low <= f.value <= f.high for f in figures)


def test_a_type_without_false_pairs_is_said_and_the_other_one_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = contenders(tmp_path, monkeypatch, ORACLE)
    figures = evaluate_published(WORLD, "tiny", write(tmp_path, SPLIT.replace("2 i01 i03 0\n", "")), asked, PLAN)
    assert {f.slice for f in figures} == {"complement"}
    assert "published substitutes, and the mean of both types" in asked.skipped


def test_a_model_of_one_type_alone_is_left_out(tmp_path: Path) -> None:
    pairs = read_published(write(tmp_path, SPLIT), WORLD)
    assert list(score_published(pairs, {"substitute": [ORACLE, LEVEL], "complement": [ORACLE]})) == ["oracle"]


def test_variants_are_not_measured_on_it(tmp_path: Path) -> None:
    assert evaluate_published(WORLD, "tiny", tmp_path / "missing", Contenders(tmp_path, baselines=False), PLAN) == []


def test_every_contender_learns_from_the_full_graph(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    ends = [(int(a), int(b)) for a, b in rng.integers(0, 40, (900, 2)) if a != b]
    full = TrainingSet("full", make_items([None] * 40), make_pairs([(a, b, kind) for a, b in ends for kind in ("complement", "substitute")]))
    found = Contenders(tmp_path).for_both(full)
    assert [s.name for s in found["complement"]] == [s.name for s in found["substitute"]]
    assert {"co-counts", "adamic-adar", "lightgcn", "graphsage", "boosted"} <= {s.name for s in found["complement"]}
    pairs = Published(np.array(["complement"] * 2), np.array([ends[0][0], 0]), np.array([ends[0][1], 0]), np.ones(2, bool), np.ones(2, bool), 0)
    counts = next(s for s in found["complement"] if s.name == "co-counts")
    assert score_published(pairs, {"substitute": [counts], "complement": [counts]})["co-counts"][0].tolist() == [1.0, 0.0]


def test_the_page_shows_all_measures_beside_what_others_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figures = evaluate_published(WORLD, "gatne", write(tmp_path, SPLIT), contenders(tmp_path, monkeypatch, ORACLE, LEVEL), PLAN)
    rows = [replace(figure, low=None, high=None) for figure in figures]
    page = figures_markdown(rows)
    assert "### gatne: the published split" in page
    assert "| oracle | 1.000 | 1.000 | 1.000 |" in page
    assert "| GATNE-T, its paper | .974 | .971 | .929 |" in page
    order = [line.split("|")[1].strip() for line in page.splitlines() if line.startswith("| ")][1:]
    assert order[1:] == ["oracle", "GCN, HGB", "GAT, HGB", "GATNE-T, its paper", "GATNE-T, HGB", "GATNE-T, DGL", "level"]
    (best, *_), *_ = by_table(main_rows(rows)).values()
    assert (best.model, best.metric) == ("oracle", "roc_auc")
