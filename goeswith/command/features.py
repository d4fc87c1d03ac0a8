"""``goeswith features``: what Feast promises its readers, what applying would change, and whether online is what was released."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from goeswith.profile import load_profile
from goeswith.releases import released_versions

if TYPE_CHECKING:
    from feature_repo.check import Check, ViewCheck
    from feature_repo.registered import Difference

app = typer.Typer(name="features", help="What Feast serves, and whether that is what was released.", no_args_is_help=True)

FAILED = 1


@app.command()
def check(
    sample: Annotated[int | None, typer.Option(min=1, help="Look at about so many rows of each view, evenly taken (all).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare online with offline row by row: missing rows, other values, a release that is behind or too old. Ends with 1 where something is wrong.

    Examples: goeswith features check

              goeswith features check --sample 10000 --json
    """
    from feature_repo.check import check_online

    found = check_online(load_profile(), sample)
    if as_json:
        typer.echo(json.dumps({**asdict(found), "holds": found.holds}))
    else:
        _show(found)
    if not found.holds:
        raise typer.Exit(FAILED)


@app.command()
def diff(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show what applying the newest release would change in the registry; nothing is changed.

    Example: goeswith features diff
    """
    from feature_repo.registered import contract_of, differences, registered_contract
    from feature_repo.store import build_objects, open_store

    profile = load_profile()
    found = list(differences(registered_contract(open_store(profile)), contract_of(build_objects(profile, released_versions(profile)))))
    if as_json:
        typer.echo(json.dumps([{**asdict(change), "breaks": change.breaks} for change in found]))
    else:
        _show_changes(found)


@app.command()
def page() -> None:
    """Print what views and services hold, as Markdown: goeswith features page > docs/features.md"""
    from feature_repo.registered import contract_page
    from feature_repo.store import build_objects

    typer.echo(contract_page(build_objects(load_profile(), {})), nl=False)


def _show(found: "Check") -> None:
    behind = "" if found.served == found.newest else f", [red]behind {escape(found.newest)}[/red]: goeswith run publish"
    Console().print(f"release [bold]{escape(found.served)}[/bold], {found.age_s / 3600:.1f} hours old{behind}")
    table = Table("view", "rows", "missing", "different", "too old", "for example")
    for view in found.views:
        table.add_row(*_cells(view))
    Console().print(table)


def _cells(view: "ViewCheck") -> list[str]:
    numbers = [f"{number:,}" if not number else f"[red]{number:,}[/red]" for number in (view.missing, view.different)]
    return [view.view, f"{view.rows:,}", *numbers, "[red]yes[/red]" if view.stale else "", escape("\n".join(view.examples))]


def _show_changes(found: "list[Difference]") -> None:
    if not found:
        typer.echo("the registry is what the newest release makes it")
        return
    table = Table("what", "stands", "would be", "")
    for change in found:
        table.add_row(escape(change.what), escape(change.before), escape(change.after), "[red]readers may miss it[/red]" if change.breaks else "")
    Console().print(table)
