"""``goeswith maintain``: the job of that name, here and now, and what it did for whom."""

import json
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

MEGABYTE = 2**20


def maintain(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    params: Annotated[str, typer.Option(help="JSON: the job's parameters, for example '{\"keep_releases\": 3}'.")] = "{}",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compact and cluster every table, and remove the versions that no release, model or running job reads.

    Example: goeswith maintain --dry-run
    """
    from goeswith.command.job import read_option
    from goeswith.jobs import JobRun, load_job
    from goeswith.profile import load_profile

    chosen = {**read_option("--params", params), **({"dry_run": True} if dry_run else {})}
    summary = load_job("maintain").run(JobRun(profile=load_profile(), run_id="maintain", params=chosen)).summary
    if as_json:
        typer.echo(json.dumps(summary, default=str))
    else:
        show_upkeep(summary)


def show_upkeep(summary: Mapping[str, Any]) -> None:
    """Print a row a table: files and bytes before and after, what was done, and which versions stay for whom."""
    rehearsed = summary["dry_run"]
    table = Table("table", "files", "MB", "rewritten" if not rehearsed else "to rewrite", "removed" if not rehearsed else "to remove", "kept for")
    for name, done in summary["tables"].items():
        table.add_row(name, *_figures(done, rehearsed=rehearsed), _kept(done["kept"]))
    console = Console()
    console.print(table)
    for name in summary["expired"]:
        console.print(f"release {name} {'would expire' if rehearsed else 'expired'}", highlight=False)
    for name in summary["models_to_rebuild"]:
        console.print(f"model {name} knew a user who was forgotten since: goeswith run train, goeswith run publish", highlight=False)
    console.print(f"{summary['seconds']} s", highlight=False)


def _figures(done: Mapping[str, Any], *, rehearsed: bool) -> tuple[str, str, str, str]:
    before, after, removed = done["before"], done["after"], done["removed"]
    files, megabytes = f"{before['files']:,}", f"{before['bytes'] / MEGABYTE:,.1f}"
    if not rehearsed:
        files, megabytes = f"{files} -> {after['files']:,}", f"{megabytes} -> {after['bytes'] / MEGABYTE:,.1f}"
    partitions = done["untouched"] or f"{len(done['rewritten']['partitions'])} partitions"
    return files, megabytes, partitions, f"{removed['files']:,} files, {removed['bytes'] / MEGABYTE:,.1f} MB"


def _kept(kept: Mapping[int, Any]) -> str:
    return "\n".join(f"{version}: {', '.join(holders)}" for version, holders in kept.items())
