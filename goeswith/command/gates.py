"""``goeswith gates``: what gates decided of which version and why, and letting one version pass."""

import getpass
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from goeswith.catalogue import find_table
from goeswith.gate_history import Failed, GateRecord, read_history
from goeswith.overrides import give_override
from goeswith.profile import load_profile

app = typer.Typer(name="gates", help="What gates decided of which version, and why.", invoke_without_command=True)

SHOWN_SAMPLES = 3
STYLES = {"pass": "green", "overridden": "yellow", "stop": "red", "crashed": "red"}


@app.callback()
def gates(
    context: typer.Context,
    table: Annotated[str | None, typer.Option(help="Only the gates of one table.")] = None,
    run: Annotated[str | None, typer.Option(help="Only the gates of one run.")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only gates at which something did not hold.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with all samples.")] = False,
) -> None:
    """Print the history of gates, the newest first: what was decided, what did not hold, and who let it pass.

    Example: goeswith gates --table items --failed
    """
    if context.invoked_subcommand:
        return
    name = find_table(table).name if table else None
    records = [record for record in read_history(load_profile(), table=name, run=run) if record.failed or not failed]
    if as_json:
        typer.echo(json.dumps([asdict(record) for record in records], default=str))
    else:
        _show(records)


@app.command()
def override(
    table: Annotated[str, typer.Option(help="The table.")],
    expectation: Annotated[str, typer.Option(help="The expectation that need not hold, as 'goeswith gates' names it.")],
    reason: Annotated[str, typer.Option(help="Why; it stands in the history.")],
    run: Annotated[str | None, typer.Option(help="Only this run may use it.")] = None,
    author: Annotated[str, typer.Option(help="Who says so (the login name).")] = "",
) -> None:
    """Let the next version of a table pass although one expectation that stops it does not hold. It holds for that version alone.

    Example: goeswith gates override --table items --expectation "has rows" --reason "the shop moved; its items come on Monday"
    """
    given = give_override(load_profile(), table=table, expectation=expectation, reason=reason, author=author or getpass.getuser(), run=run)
    whose = f"run {given.run}" if given.run else "the next run that needs it"
    typer.echo(f"{given.author} lets one version of {table} pass although '{expectation}' may not hold; {whose} uses it")


def _show(records: Sequence[GateRecord]) -> None:
    named = [Column(name, no_wrap=name in ("table", "decision")) for name in ("when", "run", "table", "version", "decision", "what did not hold")]
    shown = Table(*named, title="Gates", title_justify="left")
    for record in records:
        decision = f"[{STYLES[record.decision]}]{record.decision}[/]"
        when = f"{record.checked_at:%Y-%m-%d %H:%M}"
        shown.add_row(when, escape(record.run), record.table, str(record.version), decision, _lines(record))
    Console().print(shown if records else "no gate looked at anything yet, or none at what was asked for", highlight=False)


def _lines(record: GateRecord) -> str:
    if not record.failed:
        return f"[dim]all {record.expectations} expectations held[/]"
    return "\n".join(map(_line, record.failed))


def _line(failed: Failed) -> str:
    rows = "" if failed.unexpected is None else f" in {failed.unexpected:,} rows"
    head = f"{failed.severity}: {failed.expectation}{rows}"
    seen = [json.dumps(row, ensure_ascii=False) for row in failed.sample[:SHOWN_SAMPLES]] or [json.dumps(failed.observed)]
    let_pass = [f"let pass by {failed.author}: {failed.reason}"] if failed.author else []
    return "\n".join([escape(head), *(f"  [dim]{escape(line)}[/]" for line in (*seen, *let_pass))])
