"""The report and the summary say what happened, and a product's text stays text."""

from typing import Any

import pyarrow as pa
import pytest

from goeswith import lake, releases
from goeswith.catalogue import Writer
from goeswith.command.report import write_report
from goeswith.command.show import show_summary
from goeswith.command.summary import NO_EDGES, NO_METRICS, count_edges, note_gaps, total_rows
from goeswith.metric_tables import metric_tables
from goeswith.profile import Profile
from tests import tiny_shop

SCRIPT = "<script>alert(1)</script>"


def figure(model: str, value: float, **fields: Any) -> dict[str, Any]:
    given = {"task": "bundle", "data": "shop", "slice": "all", "metric": "recall@20", "low": value - 0.1, "high": value + 0.1, "n": 40, "seed": None}
    return {"model": model, "value": value, "seconds": None, **given, **fields}


@pytest.fixture
def summary(profile: Profile) -> dict[str, Any]:
    versions = tiny_shop.write_tiny_lake(profile)
    row = {"source": "tiny", "row_hash": "h", "target": "items", "row": SCRIPT, "rule": "price_negative", "detail": "price = -1"}
    versions["quarantine"] = tiny_shop.write_rows(profile, "quarantine", [row])
    releases.write_release(profile, "r", versions)
    image = tiny_shop.item_rows(profile)[0]["image"]
    item = {"item_id": "racket-red-0", "title": SCRIPT, "price": 10.0, "image": image, "score": 0.9, "reason": "bought together 5 times"}
    answer = {"kind": "substitutes", "question": "racket-red-0", "source": "precomputed", "model_version": "1", "given": [item], "items": [item]}
    counts = {"in": 5, "kept": 3, "quarantined": 1, "duplicates": 1}
    return {
        "run": "r",
        "source": {"name": "tiny", "lacks": ["views"]},
        "rows": counts,
        "rows_by_table": {"items": counts},
        "rules": {"price_negative": 1},
        "edges": count_edges(profile, releases.read_release(profile)),
        "metrics": [figure("cirp", 0.5), figure("tfidf", 0.4)],
        "notes": [],
        "answers": {"substitutes": answer, "samples": [answer], "explain": {"a": "x", "b": "y", "evidence": {"n": 5}}},
        "versions": {"release": "r", "tables": versions, "models": {}},
        "seconds": {"ingest": 3.0, "count_pairs": 2.0},
    }


def test_the_report_shows_rows_refusals_pictures_and_metrics(profile: Profile, summary: dict[str, Any]) -> None:
    page = write_report(profile, summary).read_text(encoding="utf-8")
    for expected in ("price_negative", "data:image/png;base64,", "bundle · shop · all", "views", "<svg", "bought together 5 times"):
        assert expected in page


def test_a_shop_without_events_is_told_what_that_means(profile: Profile, summary: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    nothing: dict[str, dict[str, int]] = {"counted": {}, "kept": {}, "related": {}}
    silent = {**summary, "edges": nothing, "metrics": [], "notes": note_gaps(nothing, [])}
    show_summary(silent, report=write_report(profile, silent))
    printed = " ".join(capsys.readouterr().out.split())
    page = (profile.results / "report.html").read_text(encoding="utf-8")
    for note in (NO_EDGES, NO_METRICS):
        assert note in printed
        assert note in page
    assert note_gaps(summary["edges"], summary["metrics"]) == []


def test_a_title_with_a_script_stays_text(profile: Profile, summary: dict[str, Any]) -> None:
    page = write_report(profile, summary).read_text(encoding="utf-8")
    assert SCRIPT not in page
    assert "&lt;script&gt;" in page


def test_the_report_needs_nothing_from_outside(profile: Profile, summary: dict[str, Any]) -> None:
    page = write_report(profile, summary).read_text(encoding="utf-8")
    assert 'src="http' not in page
    assert "<link" not in page


def test_metric_tables_put_the_best_model_first_and_the_slice_that_decides() -> None:
    metrics = [figure("cirp", 0.2, slice="cold"), figure("tfidf", 0.4), figure("cirp", 0.5), figure("cirp", 0.1, metric="recall@20 over tfidf")]
    tables = metric_tables(metrics)
    assert [(t["slice"], t["main"], [model for model, _ in t["models"]]) for t in tables] == [
        ("all", True, ["cirp", "tfidf"]),
        ("cold", False, ["cirp"]),
    ]


def test_planted_truth_decides_where_there_is_any() -> None:
    tables = metric_tables([figure("cirp", 0.5), figure("cirp", 0.4, slice="planted"), figure("cirp", 0.3, slice="head")])
    assert [(t["slice"], t["main"]) for t in tables] == [("planted", True), ("all", False), ("head", False)]


def test_the_figures_of_a_seeded_run_are_shown(profile: Profile, summary: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    summary["metrics"] = [figure("cirp", 0.4321, seed=7)]
    page = write_report(profile, summary).read_text(encoding="utf-8")
    show_summary(summary, report=profile.results / "report.html")
    assert "0.4321" in page
    assert "0.432" in capsys.readouterr().out


def test_edges_are_counted_by_relation_and_stage(profile: Profile) -> None:
    versions = tiny_shop.write_tiny_lake(profile)
    pair = {"graph": "full", "relation": "co_purchase", "src": "a", "run": "r", "score": 1.0, "rule": "global", "rate": 0.5}
    rows = [{**pair, "dst": "b", "kept": True}, {**pair, "dst": "c", "kept": False}, {**pair, "graph": "evaluation", "dst": "b", "kept": True}]
    versions["pair_scores"] = lake.write_table(profile, "pair_scores", pa.Table.from_pylist(rows), writer=Writer.TRAINING)
    edges = count_edges(profile, releases.write_release(profile, "r", versions))
    assert edges == {"counted": {}, "kept": {"co_purchase": 1}, "related": {"complement": 60, "substitute": 60}}


def test_rows_add_up_over_tables() -> None:
    counts = {"in": 5, "kept": 3, "quarantined": 1, "duplicates": 1}
    assert total_rows({"items": counts, "events": counts}) == {"in": 10, "kept": 6, "quarantined": 2, "duplicates": 2}


def test_the_terminal_shows_rows_metrics_and_an_answer(profile: Profile, summary: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    show_summary(summary, report=profile.results / "report.html")
    shown = capsys.readouterr().out
    for expected in ("quarantined", "cirp", "racket-red-0", "report.html", "views"):
        assert expected in shown
