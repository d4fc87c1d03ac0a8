"""``goeswith bench``: figures as tables and JSON lines; mistakes end with a remedy before anything runs."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from goeswith.command.bench_tables import METRICS, bench_markdown, build_tables, print_tables
from goeswith.command.main import app
from goeswith.errors import ConfigError, SourceUnreadable
from goeswith.results import Figure


def row(metric: str, value: float, **more: object) -> Figure:
    keys = {"task": "graph", "data": "instacart", "slice": "1x", "model": "goeswith", "metric": metric, "value": value}
    return Figure(**{**keys, **more})  # type: ignore[arg-type]


ROWS = [
    row("pairs", 1_232_171.0, low=1_232_171.0, high=1_232_171.0),
    row("peak_mb", 2_116.4, low=2_000.0, high=2_200.0),
    row("seconds", 5.04, low=4.96, high=5.1),
    row("seconds/duckdb", 1.9),
    row("seconds", 2.6, model="duckdb"),
    row("pairs", 1_232_171.0, model="duckdb"),
]
TABLE = """| slice | model | seconds | seconds/duckdb | peak_mb | pairs |
| --- | --- | --- | --- | --- | --- |
| 1x | duckdb | 2.6 |  |  | 1,232,171 |
| 1x | **goeswith** | 5.0 [5.0, 5.1] | 1.90 | 2,116 | 1,232,171 |
"""


def test_a_page_shows_models_by_metrics_the_fastest_first_and_ours_bold() -> None:
    assert bench_markdown(ROWS) == TABLE


def test_slices_with_the_same_metrics_share_a_table() -> None:
    again = [Figure(**{**{n: getattr(f, n) for n in Figure.__dataclass_fields__}, "slice": "10x"}) for f in ROWS]
    shared = build_tables([*ROWS, *again])
    assert len(shared) == 1
    assert [part for part, _, _ in shared[0].rows] == ["1x", "1x", "10x", "10x"]
    assert len(build_tables([*ROWS, *again, row("commit_seconds", 1.0, slice="increment")])) == 2


def test_the_terminal_shows_what_the_page_shows(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    print_tables(ROWS)
    shown = capsys.readouterr().out
    for text in ("instacart: graph", "seconds/duckdb", "5.0 [5.0, 5.1]", "1,232,171"):
        assert text in shown


def test_a_narrow_terminal_cuts_no_figure_short(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    print_tables(ROWS)
    assert "…" not in capsys.readouterr().out


def test_a_row_without_any_shown_metric_is_no_line() -> None:
    assert build_tables([*ROWS, row("events", 1e6, model="orders")]) == build_tables(ROWS)


def test_a_metric_that_tables_do_not_know_is_left_out() -> None:
    assert "warm" not in METRICS
    assert build_tables([*ROWS, row("warm", 1.0)]) == build_tables(ROWS)


def test_an_unknown_slice_is_refused_with_those_there_are(tmp_path: Path) -> None:
    refused = CliRunner().invoke(app, ["bench", "graph", "--data", str(tmp_path), "--slices", "1x,100x"])
    assert isinstance(refused.exception, ConfigError)
    assert "'100x'" in str(refused.exception)
    assert "1x, 10x, increment" in refused.exception.remedy


def test_an_unknown_slice_of_a_training_is_refused_before_anything_is_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOESWITH_HOME", str(tmp_path / "home"))
    refused = CliRunner().invoke(app, ["bench", "cirp", "--slices", "frozen"])
    assert isinstance(refused.exception, ConfigError)
    assert "frozen_text, last_layer_learns" in refused.exception.remedy
    assert not (tmp_path / "home").exists()


def test_of_rates_the_largest_is_the_fastest() -> None:
    rows = [row("items_per_s", 50.0, model="transformers"), row("items_per_s", 400.0)]
    for order in (rows, rows[::-1]):
        assert [model for _, model, _ in build_tables(order)[0].rows] == ["goeswith", "transformers"]


def test_a_folder_without_the_source_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOESWITH_HOME", str(tmp_path / "home"))
    refused = CliRunner().invoke(app, ["bench", "graph", "--data", str(tmp_path), "--slices", "1x"])
    assert isinstance(refused.exception, SourceUnreadable)
    assert not (tmp_path / "home" / "results").exists()


def test_an_unknown_slice_of_walks_is_refused_before_anything_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOESWITH_HOME", str(tmp_path / "home"))
    refused = CliRunner().invoke(app, ["bench", "mmsc", "--slices", "hgt"])
    assert isinstance(refused.exception, ConfigError)
    assert "neighbor_loader, metapath_sampler, capacity" in refused.exception.remedy
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("part", ["graph", "cirp", "mmsc"])
def test_the_bench_explains_its_parts(part: str) -> None:
    shown = CliRunner().invoke(app, ["bench", part, "--help"])
    assert shown.exit_code == 0
    assert "--slices" in shown.output
    assert f"goeswith bench {part}" in shown.output


def test_a_peer_that_is_not_there_is_named_before_anything_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOESWITH_HOME", str(tmp_path))
    refused = CliRunner().invoke(app, ["bench", "serve", "--slices", "precomputed,peer"])
    assert isinstance(refused.exception, ConfigError)
    assert "--gorse PATH" in refused.exception.remedy
    assert not list(tmp_path.iterdir())
