"""``goeswith drift``: the last measurement of how far the shop is from what the served models were trained on."""

import json
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from goeswith.drift.history import Row, name_of, read_last
from goeswith.drift.signs import SIGNS
from goeswith.profile import load_profile

STYLES = {"fine": "green", "too_few": "dim", "ticket": "yellow", "retrain": "red"}
COLUMNS = ("verdict", "what", "value", "limit", "rows", "what it means", "what to do")


def drift(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Print the last measurement of drift, the worst first, with what each figure means and what to do where it moved.

    Example: goeswith drift --json
    """
    rows = [_explained(row) for row in read_last(load_profile())]
    if as_json:
        typer.echo(json.dumps(rows, default=str))
    else:
        _show(rows)


def _explained(row: Row) -> Row:
    sign = SIGNS.get((row["kind"], row["name"]))  # an older row may be of something that is measured no longer
    return {**row, "means": sign.means if sign else "", "remedy": sign.remedy if sign else ""}


def _show(rows: Sequence[Row]) -> None:
    console = Console()
    if not rows:
        console.print("nothing was measured yet: goeswith run drift")
        return
    title = f"Drift on {rows[0]['measured_at']:%Y-%m-%d %H:%M}, run {escape(rows[0]['run'])}"
    table = Table(*(Column(name, no_wrap=name in COLUMNS[:5]) for name in COLUMNS), title=title, title_justify="left")
    for row in rows:
        told = (row["means"], row["remedy"]) if row["verdict"] in ("ticket", "retrain") else ("", "")
        verdict = f"[{STYLES[row['verdict']]}]{row['verdict']}[/]"
        table.add_row(verdict, escape(name_of(row)), _value(row), f"{row['threshold']:g}", f"{row['rows']:,}", *map(escape, told))
    console.print(table)
    for training in sorted({row["training"] for row in rows if row["training"]}):
        console.print(f"training is asked for: run {escape(training)}", highlight=False)


def _value(row: dict[str, Any]) -> str:
    if row["value"] is None:
        return ""
    interval = f" [dim]({row['low']:+.3f} to {row['high']:+.3f})[/]" if row["low"] is not None else ""
    return f"{row['value']:+.3f}{interval}"
