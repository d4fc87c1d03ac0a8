"""``goeswith runs``: what runs did and took: rows, processors, GPUs, tokens and money."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from goeswith.profile import load_profile
from goeswith.run_history import Step, last_runs, read_steps

USED = {"seconds": "s", "cpu_seconds": "CPU s", "gpu_seconds": "GPU s", "rows": "rows", "tokens": "tokens", "cost": "cost"}
"""What a run takes -> how the table calls it."""
SHOWN = {"cost": "{:,.4f}", "rows": "{:,}", "tokens": "{:,}"}


def runs(
    run: Annotated[str, typer.Argument(help="Show the steps of this run; without it, the last runs.")] = "",
    last: Annotated[int, typer.Option(min=1, help="How many runs.")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what runs did and took: seconds, those of processors and of GPUs that were held, rows written, tokens and their cost.

    Examples: goeswith runs

    goeswith runs synthetic-20260105T101500 --json
    """
    profile = load_profile()
    told = _steps(read_steps(profile, run)) if run else [_whole(name, read_steps(profile, name)) for name in last_runs(profile, last)]
    if as_json:
        typer.echo(json.dumps(told, default=str))
    else:
        _show(told, f"Run {run}" if run else "The last runs", "step" if run else "run")


def _steps(steps: Iterable[Step]) -> list[dict[str, Any]]:
    kept = [field.name for field in fields(Step) if field.name != "summary"]
    return [{name: asdict(step)[name] for name in kept} for step in steps]


def _whole(run: str, steps: Sequence[Step]) -> dict[str, Any]:
    """Return what a run took: the sums over its steps, of what they have."""
    failed = [step.step for step in steps if step.error]
    ended_at = max((step.ended_at for step in steps), default=None)
    return {"run": run, "ended_at": ended_at, "steps": len(steps), "failed": failed, **{name: _sum(steps, name) for name in USED}}


def _sum(steps: Iterable[Step], name: str) -> float | None:
    known = [value for value in (getattr(step, name) for step in steps) if value is not None]
    return sum(known) if known else None


def _show(told: Sequence[Mapping[str, Any]], title: str, first: str) -> None:
    console = Console()
    if not told:
        console.print("nothing ran yet: goeswith demo")
        return
    used = [name for name in USED if any(row[name] is not None for row in told)]
    figures = [Column(USED[name], justify="right", no_wrap=True) for name in used]
    table = Table(Column(first, no_wrap=True), Column("ended (UTC)", no_wrap=True), *figures, title=escape(title), title_justify="left")
    for row in told:
        ended = f"{row['ended_at']:%m-%d %H:%M:%S}" if row["ended_at"] else ""
        table.add_row(escape(row[first]), ended, *(_figure(name, row[name]) for name in used))
    console.print(table)
    for row in told:
        for failure in _failures(row):
            console.print(f"[red]failed:[/] {escape(failure)}", highlight=False)


def _failures(row: Mapping[str, Any]) -> list[str]:
    if "error" in row:
        return [f"{row['step']}: {row['error']}"] if row["error"] else []
    return [f"{step} in run {row['run']}" for step in row["failed"]]


def _figure(name: str, value: float | None) -> str:
    return "" if value is None else SHOWN.get(name, "{:,.1f}").format(value)
