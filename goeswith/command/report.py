"""``goeswith report``: one self-contained HTML page of what a run did, for people who would rather look than read."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import typer

from goeswith import lake
from goeswith.command.report_charts import curve_charts, edges_chart, picture_uri, seconds_chart
from goeswith.errors import VersionMissing
from goeswith.metric_tables import metric_tables
from goeswith.profile import Profile, load_profile
from goeswith.releases import read_release
from goeswith.results import write_atomically

SAMPLES_A_RULE = 3


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
        edges=edges_chart(summary["edges"]),
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
    """Return one line a gated table, by name: expectations, which failed of those that stop a run and of those that warn, decision."""
    if lake.current_version(profile, "gate_results") is None:
        return []
    columns = ("table", "version", "success", "severity", "decision")
    tables: dict[tuple[str, int], dict[str, Any]] = {}
    for row in lake.read_table(profile, "gate_results", columns=columns, where={"run": run_id}).to_pylist():
        line = tables.setdefault((row["table"], row["version"]), {**row, "expectations": 0, "stop": 0, "warn": 0})
        line["expectations"] += 1
        line[row["severity"]] += not row["success"]
    return [tables[key] for key in sorted(tables)]
