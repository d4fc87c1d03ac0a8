"""Tables for people: the summary of a run on a terminal."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from goeswith.metric_tables import metric_tables

SHOWN_ANSWERS = 3


def show_summary(summary: Mapping[str, Any], *, report: Path) -> None:
    """Print rows, edges, the table of metrics that decides each task, and one answer of each kind."""
    console = Console()
    console.print(_rows(summary))
    if any(summary["edges"].values()):
        console.print(_edges(summary["edges"]))
    for note in summary["notes"]:
        console.print(note, style="yellow")
    for table in metric_tables(summary["metrics"]):
        if table["main"]:
            console.print(_metrics(table))
    for kind in ("substitutes", "complements", "bundle", "new"):
        if summary["answers"].get(kind):
            console.print(_answer(kind, summary["answers"][kind]))
    seconds = sum(summary["seconds"].values())
    console.print(f"run [bold]{summary['run']}[/], {seconds:.0f} s of work; the report:")
    console.print(str(report), soft_wrap=True, highlight=False)


def _rows(summary: Mapping[str, Any]) -> Table:
    table = Table("table", "in", "kept", "quarantined", "duplicates", title=f"Rows of {summary['source']['name']}", title_justify="left")
    for name, rows in {**summary["rows_by_table"], "all": summary["rows"]}.items():
        table.add_row(name, *(f"{rows[column]:,}" for column in ("in", "kept", "quarantined", "duplicates")))
    lacks = summary["source"]["lacks"]
    table.caption = f"the source lacks: {', '.join(lacks)}" if lacks else None
    return table


def _edges(edges: Mapping[str, Mapping[str, int]]) -> Table:
    table = Table("stage", "relation", "edges", title="The graph", title_justify="left")
    for stage, counts in edges.items():
        for relation, n in counts.items():
            table.add_row(stage, relation, f"{n:,}")
    return table


def _metrics(metrics: Mapping[str, Any]) -> Table:
    title = f"{metrics['task']} · {metrics['data']} · {metrics['slice']} ({metrics['n']:,} cases)"
    table = Table("model", *metrics["columns"], title=title, title_justify="left")
    for model, row in metrics["models"]:
        table.add_row(model, *(_figure(row.get(column)) for column in metrics["columns"]))
    return table


def _figure(figure: Mapping[str, Any] | None) -> str:
    if figure is None:
        return ""
    interval = f" [{figure['low']:.3f}, {figure['high']:.3f}]" if figure["low"] is not None else ""
    return f"{figure['value']:.3f}[dim]{interval}[/]"


def _answer(kind: str, answer: Mapping[str, Any]) -> Table:
    title = f"{kind} · {answer['question']} (source {answer['source']}, model {answer['model_version']})"
    table = Table("score", "item", "title", "why", title=title, title_justify="left")
    for item in answer["items"][:SHOWN_ANSWERS]:
        table.add_row(f"{item['score']:.3f}", item["item_id"], item["title"] or "", item["reason"])
    return table
