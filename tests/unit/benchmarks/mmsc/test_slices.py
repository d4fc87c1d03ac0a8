"""From trainings to figures: who runs when, what is paired, and what a child process answers."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from benchmarks.mmsc import capacity, slices
from benchmarks.mmsc.lesson import Lesson
from benchmarks.mmsc.metapath_sampler import MetapathSampler
from benchmarks.mmsc.slices import METAPATH_SAMPLER, OURS, Bench, Run, as_figures, bench_slice, choose_workers, train, values_of
from benchmarks.mmsc.tasks import Ours, Theirs, Timed
from benchmarks.processes import Watched


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(items=400, edges=12_000, steps=2, repeats=3, folder=tmp_path / "fit")


def run(edges_per_s: float) -> Run:
    return Run(edges=1_000, seconds=1_000 / edges_per_s, sampled_s=250 / edges_per_s)


def test_ratios_are_paired_by_repeat_and_shares_are_of_the_timed_epoch() -> None:
    values = values_of([run(100.0), run(300.0)], [run(50.0), run(50.0)], "pyg")
    assert values[OURS]["edges_per_s/pyg"] == [pytest.approx(2.0), pytest.approx(6.0)]
    assert values["pyg"]["sampling_share"] == [pytest.approx(0.25)] * 2
    ratio = next(figure for figure in as_figures("x", values) if figure.metric == "edges_per_s/pyg")
    assert ratio.value == pytest.approx(12**0.5)
    assert ratio.low is not None
    assert (ratio.task, ratio.data, ratio.model, ratio.n) == ("mmsc", "made", OURS, 2)


def test_the_last_epoch_of_the_real_trainer_is_timed(lesson: Lesson, tmp_path: Path) -> None:
    for task in (Ours(lesson), Theirs(lesson, MetapathSampler, 1)):
        found = train(task, lesson, tmp_path / "fit")
        assert found.edges == 2 * lesson.recipe.batch
        assert found.seconds > found.sampled_s > 0
    assert (tmp_path / "fit" / "curve.jsonl").read_text().count("\n") == 2, "the second training began anew"


def test_engines_run_by_turns_and_the_rival_with_its_best_number_of_workers(bench: Bench, lesson: Lesson, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []

    def note(task: Timed, _lesson: Lesson, _folder: Path) -> Run:
        order.append(f"{type(task).__name__}{getattr(task, 'workers', '')}")
        return run(90.0 if order[-1] == "Theirs1" else 50.0)

    monkeypatch.setattr(slices, "build_lesson", lambda *_: lesson)
    monkeypatch.setattr(slices, "train", note)
    figures = bench_slice(bench, METAPATH_SAMPLER, lambda _: None)
    assert order == ["Theirs0", "Theirs1", "Theirs2", "Ours", "Theirs1", "Theirs1", "Ours", "Ours", "Theirs1"]
    assert {figure.metric: figure.value for figure in figures if figure.model != OURS}["workers"] == 1


def test_a_trial_is_no_longer_than_what_is_timed(bench: Bench, lesson: Lesson, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def remember(_items: int, _edges: int, steps: int) -> Lesson:
        asked.append(steps)
        return lesson

    monkeypatch.setattr(slices, "build_lesson", remember)
    monkeypatch.setattr(slices, "train", lambda *_: run(50.0))
    assert choose_workers(bench, MetapathSampler, lambda _: None) == 0
    assert asked == [2]


def test_capacity_is_measured_in_a_process_of_its_own(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []

    def answer(command: Sequence[str], _environment: Mapping[str, str]) -> Watched:
        commands.append(list(command))
        return Watched('{"walks_per_s": 5.0, "build_seconds": 2.0}\n', 70.0)

    monkeypatch.setattr(capacity, "run_watched", answer)
    figures = {figure.metric: figure.value for figure in bench_slice(bench, "capacity", lambda _: None)}
    assert figures == {"walks_per_s": 5.0, "build_seconds": 2.0, "peak_mb": 70.0}
    assert commands[0][2:] == ["benchmarks.mmsc.capacity", "1000000", "10000000", "50"]
    assert len(commands) == 3


def test_a_graph_is_built_walked_on_and_counted() -> None:
    found = capacity.build_and_walk(500, 3_000, 1)
    assert 2_800 < found["edges"] <= 3_000, "a pair that was drawn twice is one edge"
    assert min(found["build_seconds"], found["walks_per_s"]) > 0
