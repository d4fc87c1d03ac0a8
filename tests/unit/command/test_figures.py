"""Pages of figures: made from rows, the same each time, and refused where a row is missing."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from goeswith.command.figure_pages import FIGURES, PAGES, duration, read_kept, render_page
from goeswith.command.figures import keep_figures, to_lines
from goeswith.command.main import app
from goeswith.errors import ConfigError, EnvironmentMissing, VersionMissing
from goeswith.profile import PROJECT_ROOT
from goeswith.results import Figure, load_figures

QUOTED = re.compile(r"(?<![\w.])\.\d{3}\b")
"""A figure as the pages write it: .459"""


def figure(**changes: object) -> Figure:
    base = {"task": "bundle", "data": "tiny", "slice": "all", "model": "cirp", "metric": "recall@20", "value": 0.25, "seed": 1}
    return Figure(**{**base, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_what_its_rows_and_its_prose_make(page: str) -> None:
    assert (PROJECT_ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8") == render_page(page, read_kept()), "run make docs"


def test_the_command_prints_the_page() -> None:
    assert CliRunner().invoke(app, ["figures"]).output == render_page("figures", read_kept())


def test_a_changed_row_changes_the_page() -> None:
    kept = read_kept()
    changed = [figure(**{**_fields(kept[0]), "value": 0.123_4}), *kept[1:]]
    assert render_page("figures", changed) != render_page("figures", kept)


def _fields(row: Figure) -> dict[str, object]:
    return {name: getattr(row, name) for name in Figure.__dataclass_fields__}


def test_a_template_never_types_a_table_and_its_prose_quotes_only_what_the_tables_below_its_heading_show() -> None:
    sections = render_page("figures", read_kept()).split("\n## ")[1:]
    for section in sections:
        lines = section.splitlines()
        shown = set(QUOTED.findall("\n".join(line for line in lines if line.startswith("|"))))
        prose = set(QUOTED.findall("\n".join(line for line in lines if not line.startswith("|"))))
        assert prose <= shown, f"{lines[0]}: {sorted(prose - shown)} stand in no table"


def test_a_row_that_a_page_asks_for_and_that_is_not_kept_is_named() -> None:
    without = [row for row in read_kept() if row.task != "demo"]
    with pytest.raises(VersionMissing, match="demo / synthetic / fresh_clone / goeswith / seconds"):
        render_page("figures", without)


def measured_growth() -> list[Figure]:
    """Return rows of both benches, as the page of scale asks for them: 14 million events in 50 s, growing in proportion."""
    sizes = {"events": 14e6, "items": 4e4, "baskets": 1.2e6, "meetings": 1.1e8}
    ours = {"seconds": 50.0, "shuffle_mb": 700.0, "disk_mb": 270.0, "pairs": 1.3e7}
    rows = [figure(task="graph", data="instacart", slice="10x", model="orders", metric=name, value=value) for name, value in sizes.items()]
    rows += [figure(task="graph", data="instacart", slice="10x", model="goeswith", metric=name, value=value) for name, value in ours.items()]
    fits = {"events": 1.0, "basket_size": 1.1, "items": 0.0}
    made = {"task": "graph", "data": "made", "model": "goeswith", "metric": "exponent"}
    rows.append(figure(**{**made, "metric": "seconds"}, slice="fixed", value=10.0))
    return rows + [figure(**made, slice=axis, value=value, low=value - 0.125, high=value + 0.125) for axis, value in fits.items()]


def test_the_page_of_scale_is_computed_once_both_benches_are_kept() -> None:
    others = [row for row in read_kept() if row.slice == "1x"]
    page = render_page("scale", [*others, *measured_growth()])
    assert "Not measured yet" not in page
    assert "14,000,000 events in 50 s on two cores" in page
    assert "| items a basket, events as many | 1.10 [0.98, 1.23] |" in page
    assert "core hours | 2 (" in page, "2 cores * (50 - 10) s / 3600 * 71 times the events"


def test_the_page_of_scale_claims_nothing_before() -> None:
    without_a_fit = [row for row in measured_growth() if row.slice != "items"]
    for rows in ([], without_a_fit):
        page = render_page("scale", [row for row in read_kept() if row.slice == "1x"] + rows)
        assert "Not measured yet" in page
        assert "core hours" not in page
        assert "What breaks first" in page


def test_an_unknown_page_is_refused_with_those_there_are() -> None:
    refused = CliRunner().invoke(app, ["figures", "nonsense"])
    assert isinstance(refused.exception, ConfigError)
    assert "figures" in refused.exception.remedy


def test_outside_a_clone_it_says_where_to_run_it(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentMissing, match="clone"):
        read_kept(tmp_path)


def test_keeping_takes_the_main_metric_over_all_seeds(tmp_path: Path) -> None:
    rows = [figure(), figure(seed=None, value=0.5), figure(seed=None, metric="recall@10"), figure(seed=None, metric="ndcg@10 over tfidf")]
    (tmp_path / "suite.jsonl").write_text(to_lines(rows))
    keep_figures(tmp_path / "suite.jsonl", tmp_path / "kept")
    assert load_figures(tmp_path / "kept" / "tiny.jsonl") == [figure(seed=None, value=0.5)]


def test_keeping_replaces_the_same_task_whole_and_leaves_the_others(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    other = figure(task="graph", metric="seconds")
    for name, rows in {"old": [figure(model="gone"), figure(slice="cold"), other], "new": [figure(value=0.75)]}.items():
        (tmp_path / name).write_text(to_lines(rows))
        keep_figures(tmp_path / name, kept)
    assert load_figures(kept / "tiny.jsonl") == [figure(value=0.75), other]


def test_a_benchs_rows_are_kept_whole(tmp_path: Path) -> None:
    rows = [figure(task="graph", metric=metric, seed=None) for metric in ("seconds", "peak_mb")]
    (tmp_path / "bench").write_text(to_lines(rows))
    keep_figures(tmp_path / "bench", tmp_path / "kept")
    assert load_figures(tmp_path / "kept" / "tiny.jsonl") == rows


def test_keeping_one_slice_of_a_bench_leaves_its_others(tmp_path: Path) -> None:
    kept, small, large = tmp_path / "kept", *(figure(task="graph", slice=name, metric="seconds", seed=None) for name in ("1x", "10x"))
    faster = figure(task="graph", slice="10x", metric="seconds", seed=None, value=0.125)
    for name, rows in {"both": [small, large], "one": [faster]}.items():
        (tmp_path / name).write_text(to_lines(rows))
        keep_figures(tmp_path / name, kept)
    assert load_figures(kept / "tiny.jsonl") == [faster, small]


@pytest.mark.parametrize("lines", ["", to_lines([figure(metric="recall@10")])])
def test_a_file_with_nothing_to_show_is_refused(tmp_path: Path, lines: str) -> None:
    (tmp_path / "empty").write_text(lines)
    with pytest.raises(VersionMissing, match="no figure that a page shows"):
        keep_figures(tmp_path / "empty", tmp_path / "kept")


def test_values_come_back_whole_and_nulls_are_not_written(tmp_path: Path) -> None:
    row = figure(value=1 / 3, low=0.1 + 0.2)
    (tmp_path / "rows").write_text(to_lines([row]))
    assert load_figures(tmp_path / "rows") == [row]
    assert "high" not in (tmp_path / "rows").read_text()


@pytest.mark.parametrize(("seconds", "words"), [(0, "0 s"), (48, "48 s"), (60, "1 min"), (602, "10 min 2 s"), (1380.2, "23 min")])
def test_durations_are_written_as_people_say_them(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_every_file_of_rows_holds_one_data_set_under_its_name() -> None:
    for path in FIGURES.glob("*.jsonl"):
        assert {row.data for row in load_figures(path)} == {path.stem}


def measured_trainings() -> list[Figure]:
    """Return rows of the bench of trainings as its section asks for them."""
    common = {"task": "cirp", "data": "synthetic", "seed": None}
    ours = {"items_per_s": 400.0, "items_per_s/transformers": 6.25}
    rows = [(part, "goeswith", name, value) for part in ("frozen_text", "last_layer_learns") for name, value in ours.items()]
    rows.append(("frozen_text", "transformers", "items_per_s", 64.0))
    return [figure(**common, slice=part, model=model, metric=metric, value=value) for part, model, metric, value in rows]


def test_trainings_are_shown_once_their_bench_is_kept() -> None:
    others = [row for row in read_kept() if row.task != "cirp"]
    page = render_page("figures", [*others, *measured_trainings()]).split("## Training CIRP")[1].split("\n## ")[0]
    assert "| frozen_text | **goeswith** | 400 | 6.25 |" in page
    assert "it is 6.2 times with the text frozen" in page
    assert "Not measured yet" in render_page("figures", others).split("## Training CIRP")[1].split("\n## ")[0]


def measured_serving() -> list[Figure]:
    def row(part: str, metric: str, value: float, model: str = "goeswith") -> Figure:
        return figure(task="serve", data="made", slice=part, model=model, metric=metric, value=value, seed=None)

    times = ("p50_ms", "p99_ms", "per_second", "errors")
    rows = [row(part, metric, 3.25) for part in ("precomputed", "answer", "topk", "load-16", "load-16-precomputed", "peer-16") for metric in times]
    rows += [row("topk", "p50_ms", 0.5, "numpy"), row("peer-16", "p50_ms", 0.75, "gorse"), row("rollout", "roll_back_seconds", 0.125)]
    return [*rows, row("soak", "gateway_mb_grown", 0.5), row("index-1000000", "recall@20", 0.975)]


def test_serving_is_shown_part_by_part_once_it_is_kept() -> None:
    others = [row for row in read_kept() if row.task != "serve"]
    page = render_page("figures", [*others, *measured_serving()]).split("## Serving")[1].split("\n## ")[0]
    assert "| precomputed answer, p50 | < 1.5 ms | 3.25 ms |" in page
    assert "3.25 ms, numpy 0.50 ms" in page
    for shown in ("| peer-16 | gorse | 0.75 |", "| rollout | **goeswith** | 0.12 |", "| soak | **goeswith** | 0.5 |", "0.975"):
        assert shown in page
    assert "Not measured yet" in render_page("figures", others).split("## Serving")[1].split("\n## ")[0]
