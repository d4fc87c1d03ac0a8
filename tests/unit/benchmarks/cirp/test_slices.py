"""From runs to figures: what is paired, what is carried over to a whole training, and when filling caches pays."""

from collections import defaultdict
from dataclasses import replace

import pytest
import torch

from benchmarks.cirp import slices
from benchmarks.cirp.lesson import Lesson, recipe_of
from benchmarks.cirp.runs import EPOCHS, Run
from benchmarks.cirp.shop import Shop
from benchmarks.cirp.slices import OURS, RIVAL, SHOP, Bench, as_figures, bench_slice, choose_workers, compared_values, engine_values, values_of
from goeswith.results import Figure


def run(items_per_s: float, fill_s: float = 0.0, waited_s: float = 0.0) -> Run:
    return Run(items=400, seconds=400 / items_per_s, waited_s=waited_s, flops_per_item=1e6, fill_s=fill_s)


def test_caches_pay_after_as_many_items_as_make_up_for_filling_them() -> None:
    found = compared_values(run(100.0, fill_s=10.0), run(50.0), budget=4_000.0, num_items=500)
    assert found["even_items"] == pytest.approx(1_000.0)
    assert found["even_epochs"] == pytest.approx(2.0)
    at_even = 10.0 + 1_000 / 100.0
    assert at_even == pytest.approx(1_000 / 50.0), "what the word means: both have taken as long by then"
    assert found["items_per_s/transformers"] == pytest.approx(2.0)
    assert found["budget_seconds/transformers"] == pytest.approx((10 + 40) / 80)


def test_caches_never_pay_where_training_is_no_faster() -> None:
    assert not {"even_items", "even_epochs"} & compared_values(run(50.0, fill_s=1.0), run(50.0), budget=1e3, num_items=10).keys()


def test_a_figure_that_one_repeat_lacks_is_left_out(lesson: Lesson) -> None:
    runs = {OURS: [run(100.0, 1.0), run(40.0, 1.0)], RIVAL: [run(50.0), run(50.0)]}
    assert "even_items" not in values_of(lesson, runs, None)[OURS]


def test_the_budget_is_the_recipes_own_and_what_comes_before_counts(lesson: Lesson) -> None:
    lesson = replace(lesson, recipe=replace(lesson.recipe, max_epochs=60))
    assert lesson.budget_epochs == 60, "a hundred items: the most epochs"
    assert replace(lesson, recipe=replace(lesson.recipe, item_updates=1_000)).budget_epochs == 10
    values = values_of(lesson, {OURS: [run(100.0, fill_s=7.0)], RIVAL: [run(50.0)]}, None)
    budget = 60 * 400 / EPOCHS
    assert values[OURS]["budget_seconds"] == [pytest.approx(7.0 + budget / 100)]
    assert values[RIVAL]["budget_seconds"] == [pytest.approx(budget / 50)]
    assert "fill_seconds" not in values[RIVAL]


def test_an_engines_values_are_rates_shares_and_operations() -> None:
    values = engine_values(run(100.0, waited_s=1.0), budget=100.0, peak=1e9)
    assert values["waited_share"] == pytest.approx(0.25)
    assert values["gflop_per_s"] == pytest.approx(0.1)
    assert values["mfu"] == pytest.approx(0.1)


def test_ratios_are_paired_by_repeat_and_nothing_waited_is_a_figure_too(lesson: Lesson) -> None:
    runs = {OURS: [run(100.0), run(300.0)], RIVAL: [run(50.0), run(50.0)]}
    figures = {(f.model, f.metric): f for f in as_figures("synthetic", "frozen_text", values_of(lesson, runs, None))}
    ratio = figures[OURS, "items_per_s/transformers"]
    assert (ratio.task, ratio.data, ratio.slice, ratio.n) == ("cirp", "synthetic", "frozen_text", 2)
    assert ratio.value == pytest.approx(12**0.5)
    assert ratio.low is not None
    assert ratio.low < ratio.value
    assert figures[OURS, "waited_share"].value == 0
    assert figures[OURS, "waited_share"].low is None


def test_the_rival_gets_its_best_number_of_workers(lesson: Lesson, monkeypatch: pytest.MonkeyPatch) -> None:
    speeds = {0: 5.0, 1: 9.0, 2: 7.0}
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    monkeypatch.setattr(slices, "_train_rival", lambda _lesson, _batches, workers: run(speeds[workers]))
    tried: list[int] = []
    assert choose_workers(lesson, [], tried.append) == 1
    assert tried == [0, 1, 2]


def test_a_slice_takes_its_engines_by_turns_and_tells_all(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []

    def note(engine: str, found: Run) -> Run:
        order.append(engine)
        return found

    monkeypatch.setattr(slices, "train_ours", lambda _: note(OURS, run(100.0, fill_s=1.0)))
    monkeypatch.setattr(slices, "_train_rival", lambda *_: note(RIVAL, run(50.0)))
    told: list[str] = []
    bench = Bench(shop=shop, repeats=3, precision="float32", device=torch.device("cpu"))
    figures = bench_slice(bench, "frozen_text", told.append)
    assert order[order.index(OURS) :] == [OURS, RIVAL, RIVAL, OURS, OURS, RIVAL]
    assert any("3 of 3" in line for line in told)
    assert _values(figures)[RIVAL]["workers"] == 0
    assert _values(figures)[SHOP]["items"] == 100
    assert _values(figures)[SHOP]["edges"] > 0
    assert not [figure for figure in figures if figure.metric == "mfu"], "a CPU's peak is not known"


def _values(figures: list[Figure]) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for figure in figures:
        found[figure.model][figure.metric] = figure.value
    return found


def test_where_a_layer_learns_no_engine_reads_tokens_that_training_throws_away() -> None:
    frozen, learns = recipe_of("frozen_text", "float32"), recipe_of("last_layer_learns", "bfloat16")
    assert (frozen.trained_text_layers, learns.trained_text_layers) == (0, 1)
    assert learns.max_tokens == learns.train_tokens
    assert learns.precision == "bfloat16"
