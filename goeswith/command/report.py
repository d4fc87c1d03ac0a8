"""``goeswith report``: one self-contained HTML page of what a run did, for people who would rather look than read."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import typer

from goeswith import lake
from goeswith.command.report_charts import curve_charts, picture_uri, seconds_chart
from goeswith.errors import VersionMissing
from goeswith.profile import Profile, load_profile
from goeswith.releases import read_release
from goeswith.results import write_atomically

SAMPLES_A_RULE = 3
REPORT_METRICS = ("recall@20", "ndcg@10", "hr@10", "mrr@10", "accuracy")


def report() -> None:
    """Write results/report.html again, from the last demo's summary."""
    profile = load_profile()
    path = profile.root / "summary.json"
    if not path.exists():
        raise VersionMissing(f"there is no {path}", "run: goeswith demo")
    typer.echo(write_report(profile, json.loads(path.read_text(encoding="utf-8"))))


def write_report(profile: Profile, summary: dict[str, Any]) -> Path:
    """Render the report of a summary (``goeswith.command.summary``) and return its path. Texts of the shop are escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    templates = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    page = templates.get_template("report.html.j2").render(
        summary=summary,
        refused=sample_refused(profile),
        gates=read_gates(profile, summary["run"]),
        curves=curve_charts(profile.models / summary["run"]),
        times=seconds_chart(summary["seconds"]),
        tables=metric_tables(summary["metrics"]),
        picture=lambda reference: picture_uri(profile, reference),
    )
    return write_atomically(profile.results / "report.html", page)


def sample_refused(profile: Profile) -> dict[str, list[dict[str, Any]]]:
    """Return a few quarantined rows of each rule, as they came."""
    samples: dict[str, list[dict[str, Any]]] = defaultdict(list)
    version = read_release(profile).version_of("quarantine")
    for batch in lake.read_batches(profile, "quarantine", version=version, columns=("rule", "target", "row", "detail")):
        for row in batch.to_pylist():
            if len(samples[row["rule"]]) < SAMPLES_A_RULE:
                samples[row["rule"]].append(row)
    return dict(sorted(samples.items()))


def read_gates(profile: Profile, run_id: str) -> list[dict[str, Any]]:
    """Return one line a gated table: expectations, failures and decision."""
    if lake.current_version(profile, "gate_results") is None:
        return []
    columns = ("table", "version", "success", "severity", "decision")
    tables: dict[tuple[str, int], dict[str, Any]] = {}
    for row in lake.read_table(profile, "gate_results", columns=columns, where={"run": run_id}).to_pylist():
        line = tables.setdefault((row["table"], row["version"]), {**row, "expectations": 0, "failed": 0})
        line["expectations"] += 1
        line["failed"] += not row["success"]
    return list(tables.values())


def metric_tables(metrics: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return one table a (task, data, slice): models down, metrics across, best first by the first metric there is."""
    cells: dict[tuple[str, str, str], dict[str, dict[str, Any]]] = defaultdict(lambda: defaultdict(dict))
    for figure in metrics:
        if figure["metric"] in REPORT_METRICS and figure["seed"] is None:
            cells[figure["task"], figure["data"], figure["slice"]][figure["model"]][figure["metric"]] = figure
    return [_metric_table(key, models) for key, models in sorted(cells.items())]


def _metric_table(key: tuple[str, str, str], models: dict[str, dict[str, Any]]) -> dict[str, Any]:
    columns = [m for m in REPORT_METRICS if any(m in row for row in models.values())]
    ranked = sorted(models.items(), key=lambda item: -item[1].get(columns[0], {"value": 0})["value"])
    cases = max((figure["n"] or 0 for row in models.values() for figure in row.values()), default=0)
    return {"task": key[0], "data": key[1], "slice": key[2], "columns": columns, "models": ranked, "n": cases}
