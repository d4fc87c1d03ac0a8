"""Suites of experiments, pooling over seeds, and the pages made from figures."""

import time
from pathlib import Path

import pytest
from PIL import Image

from goeswith.errors import ConfigError
from goeswith.profile import Profile
from goeswith.results import Figure
from training.evaluation.experiments import FRESH_SEEDS, MAIN, Cell, as_ablation, build_cells, choose_sources, pool_seeds, run_suite
from training.evaluation.pages import figures_markdown, plot_figures
from training.evaluation.tables import ENCODER
from training.evaluation.variants import SOURCES, SUITES


def figure(model: str, value: float, *, part: str = "planted", metric: str = "recall@20", task: str = "bundle", half: float = 0.02) -> Figure:
    return Figure(task=task, data="tiny", slice=part, model=model, metric=metric, value=value, low=value - half, high=value + half, n=10, seed=1)


SHOP = [(SOURCES["synthetic"], "")]


class Runner:
    """Counts the cells that it is asked to run."""

    def __init__(self) -> None:
        self.ran: list[Cell] = []

    def __call__(self, profile: Profile, cell: Cell) -> list[Figure]:
        assert profile.results.is_absolute()
        self.ran.append(cell)
        return [figure("cirp", 0.5), figure("tfidf", 0.4), figure("cirp", 0.3, part="all")]


def test_the_main_cell_of_a_seed_comes_before_its_variants() -> None:
    cells = build_cells(SHOP, 2, "ablations")
    assert [cell.variant for cell in cells] == [MAIN] * 2 + [*SUITES["ablations"].variants] * 2
    assert {cell.seed for cell in cells} == set(FRESH_SEEDS[:2])


def test_the_long_variants_are_run_only_where_asked_for() -> None:
    short, whole = (build_cells(SHOP, 1, "cirp", full=full) for full in (False, True))
    assert {cell.variant for cell in whole} - {cell.variant for cell in short} == set(SUITES["cirp"].full)


def test_a_suite_reads_all_its_sources_below_one_folder_and_names_the_one_that_lacks(tmp_path: Path) -> None:
    for folder in ("hm", "bundlerec/clothing"):
        (tmp_path / folder).mkdir(parents=True)
    with pytest.raises(ConfigError, match="bundlerec/electronic is no folder"):
        choose_sources("cirp", "", tmp_path)
    (tmp_path / "bundlerec/electronic").mkdir()
    chosen = choose_sources("cirp", "", tmp_path)
    assert [(source.name, Path(folder).name) for source, folder in chosen] == [
        *(("synthetic", ""), ("hm", "hm"), ("bundlerec-clothing", "clothing"), ("bundlerec-electronic", "electronic"))
    ]
    short, whole = ([cell for cell in build_cells(chosen, 1, "cirp", full=full) if cell.variant != MAIN] for full in (False, True))
    assert {cell.source.name for cell in short} == {"synthetic", "bundlerec-clothing"}
    assert {cell.source.name for cell in whole} == {"synthetic", "bundlerec-clothing", "hm"}
    assert {cell.source.name for cell in short if cell.variant == "image_only"} == {"synthetic"}, "a source of texts alone has no other"


def test_a_suite_without_its_folder_says_what_to_give() -> None:
    with pytest.raises(ConfigError, match="no --data was given") as refused:
        choose_sources("cirp", "", None)
    assert "--data DIR" in refused.value.remedy
    assert choose_sources("main", "", None) == SHOP


def test_a_published_test_file_that_is_not_there_is_missed_before_anything_is_trained(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gatne is measured on test\.txt"):
        choose_sources("mmsc", "gatne", tmp_path)
    (tmp_path / "test.txt").write_text("1 a b 1\n", encoding="utf-8")
    assert choose_sources("mmsc", "gatne", tmp_path) == [(SOURCES["gatne"], str(tmp_path))]


def test_the_relations_suite_measures_the_titled_join_as_a_source_of_its_own(tmp_path: Path) -> None:
    for source in SUITES["mmsc"].sources:
        (tmp_path / SOURCES[source].folder).mkdir(parents=True, exist_ok=True)
    (tmp_path / "gatne_amazon" / "test.txt").touch()
    cells = build_cells(choose_sources("mmsc", "", tmp_path), 1, "mmsc")
    (titled,) = [cell for cell in cells if cell.source.name == "clothing-titled"]
    assert (titled.source.kind, titled.data, titled.tasks) == ("bundlerec", str(tmp_path / "bundlerec/clothing"), ("relations",))
    assert (Path(titled.data) / dict(titled.source.options)["relations"]).resolve().parent == tmp_path / "amazon2014_relations"


def test_the_same_shop_is_tested_as_of_earlier_days_where_everything_is_asked_for(tmp_path: Path) -> None:
    for source in SUITES["mmsc"].sources:
        (tmp_path / SOURCES[source].folder).mkdir(parents=True, exist_ok=True)
    (tmp_path / "gatne_amazon" / "test.txt").touch()
    short, whole = ({source for source, _ in choose_sources("mmsc", "", tmp_path, full=full)} for full in (False, True))
    assert {(source.name, source.kind, source.holdout) for source in whole - short} == {
        ("hm-80", "hm", (("later_share", 0.2),)),
        ("hm-60", "hm", (("later_share", 0.4),)),
    }


def test_one_ingest_serves_all_seeds_of_a_source_that_is_no_made_shop() -> None:
    shops, real = (build_cells([(SOURCES[name], "")], 3, "main") for name in ("synthetic", "hm"))
    assert [cell.lake_of for cell in shops] == [cell.world for cell in shops]
    assert {cell.lake_of for cell in real} == {real[0].world}


def test_cells_side_by_side_give_the_figures_in_their_order_and_begin_after_what_they_need(profile: Profile) -> None:
    runner = Runner()
    cells = build_cells(SHOP, 2, "ablations")
    figures = run_suite(profile, cells, runner, at_once=3)
    assert {cell.variant for cell in runner.ran[:2]} == {MAIN}
    assert sorted(runner.ran, key=cells.index) == cells
    assert [f.seed for f in figures[:6]] == [FRESH_SEEDS[0]] * 3 + [FRESH_SEEDS[1]] * 3


def test_a_cell_that_fails_stops_those_that_have_not_begun(profile: Profile) -> None:
    ran: list[Cell] = []

    def fail(_: Profile, cell: Cell) -> list[Figure]:
        ran.append(cell)
        time.sleep(0.2)  # a cell takes minutes
        raise ConfigError("no disk", "find one")

    with pytest.raises(ConfigError, match="no disk"):
        run_suite(profile, build_cells(SHOP, 5, "main"), fail)
    assert len(ran) <= 2


def test_what_is_known_of_an_encoder_stands_in_a_table_of_its_own_with_what_was_changed() -> None:
    known = [figure("cirp", v, part="all", metric=m, task=ENCODER) for m, v in (("train_s", 61.4), ("uniformity", -3.2))]
    page = figures_markdown([*known, *as_ablation([figure("cirp", -2.5, part="all", metric="uniformity", task=ENCODER)], "no_texts")])
    assert "### tiny: the encoder" in page
    assert "| cirp |  |  | 61 |  | -3.200 [-3.220, -3.180] |  |" in page
    assert "| no_texts |  |  |  |  | -2.500 [-2.520, -2.480] |  |" in page


def test_one_seed_without_an_interval_pools_to_none() -> None:
    (pooled,) = pool_seeds([Figure(task=ENCODER, data="tiny", slice="all", model="cirp", metric="train_s", value=61.4, seed=1)])
    assert (pooled.value, pooled.low, pooled.n) == (61.4, None, None)


def test_what_others_state_gets_no_interval_from_being_the_same_in_every_seed() -> None:
    stated = [Figure(task="published", data="tiny", slice="both", model="GATNE-T", metric="roc_auc", value=0.9744, seed=seed) for seed in (1, 2, 3)]
    (pooled,) = pool_seeds(stated)
    assert pooled.value == pytest.approx(0.9744)
    assert (pooled.low, pooled.high) == (None, None)


def test_a_cell_that_has_figures_is_not_run_again(profile: Profile) -> None:
    first, second = Runner(), Runner()
    cells = build_cells(SHOP, 2, "main")
    before = run_suite(profile, cells, first)
    assert run_suite(profile, cells, second) == before
    assert (len(first.ran), len(second.ran)) == (2, 0)


def test_a_stopped_suite_goes_on_where_it_was(profile: Profile) -> None:
    cells = build_cells(SHOP, 3, "main")
    run_suite(profile, cells[:1], Runner())
    rest = Runner()
    run_suite(profile, cells, rest)
    assert rest.ran == cells[1:]


def test_figures_carry_the_seed_of_their_cell(profile: Profile) -> None:
    figures = run_suite(profile, build_cells(SHOP, 2, "main"), Runner())
    assert {f.seed for f in figures} == set(FRESH_SEEDS[:2])


def test_an_ablation_is_a_slice_of_its_own_and_no_baseline_stands_in_it() -> None:
    rows = [figure("cirp", 0.5), figure("tfidf", 0.4), figure("cirp", 0.3, part="all"), figure("cirp", 0.1, metric="recall@20 over tfidf")]
    assert [(f.slice, f.model, f.value) for f in as_ablation(rows, "no_pictures")] == [("no_pictures", "cirp", 0.5)]


def test_an_ablation_is_measured_on_pairs_that_were_met_as_well() -> None:
    rows = [figure("mmsc", 0.2, task="complements"), figure("mmsc", 0.4, part="planted_all", task="complements")]
    assert [(f.slice, f.value) for f in as_ablation(rows, "no_behaviour")] == [("no_behaviour", 0.2), ("no_behaviour (planted_all)", 0.4)]


def test_without_planted_truth_an_ablation_is_measured_on_the_next_slice() -> None:
    rows = [figure("mmsc", 0.5, part="cold", task="complements"), figure("mmsc", 0.4, part="warm", task="complements")]
    assert [f.value for f in as_ablation(rows, "no_texts")] == [0.4]


def test_pooled_figures_are_means_over_seeds() -> None:
    (pooled,) = pool_seeds([figure("cirp", v) for v in (0.4, 0.5, 0.6)])
    assert pooled.value == pytest.approx(0.5)
    assert pooled.seed is None
    assert pooled.n == 30


def test_seeds_that_disagree_widen_the_interval_and_seeds_that_agree_narrow_it() -> None:
    (apart,) = pool_seeds([figure("cirp", v) for v in (0.3, 0.5, 0.7)])
    (together,) = pool_seeds([figure("cirp", v) for v in (0.5, 0.5, 0.5)])
    assert apart.high is not None
    assert together.high is not None
    assert together.high - 0.5 == pytest.approx(0.02 / 3**0.5)
    assert apart.high - 0.5 > 0.2


def test_what_was_left_out_stands_in_a_table_of_its_own_beside_the_whole_model() -> None:
    rows = [figure("cirp", 0.5), figure("tfidf", 0.4), figure("cirp", 0.3, part="no_texts"), figure("cirp", 0.6, part="planted_all")]
    whole, left_out = figures_markdown([*rows, figure("cirp", 0.2, part="no_texts (planted_all)")]).split("something changed or left out")
    assert "no_texts" not in whole
    assert "| changed | cirp, planted | cirp, planted_all |" in left_out
    assert "| nothing | .500 [.480, .520] | .600 [.580, .620] |" in left_out
    assert "| no_texts | .300 [.280, .320] | .200 [.180, .220] |" in left_out


def test_markdown_holds_every_model_once_a_task_with_its_interval() -> None:
    page = figures_markdown([figure("cirp", 0.5), figure("tfidf", 0.4), figure("cirp", 0.3, part="all"), figure("cirp", 0.9, metric="ndcg@10")])
    assert "### tiny: bundle, recall@20" in page
    assert page.count("| **cirp** |") == page.count("| tfidf |") == 1
    assert ".500 [.480, .520]" in page
    assert ".900" not in page


def test_the_plot_is_a_picture_with_a_panel_a_slice(tmp_path: Path) -> None:
    one = plot_figures([figure("cirp", 0.5), figure("tfidf", 0.4)], tmp_path / "one.png")
    two = plot_figures([figure("cirp", 0.5), figure("cirp", 0.4, part="all")], tmp_path / "two.png")
    with Image.open(one) as narrow, Image.open(two) as wide:
        assert wide.width > 1.5 * narrow.width
