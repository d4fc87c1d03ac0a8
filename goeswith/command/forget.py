"""``goeswith forget-user``: erase a user, down to the files."""

import json
import sys
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from goeswith.profile import Profile

MEGABYTE = 2**20


def forget_user(
    user: Annotated[str, typer.Argument(metavar="ID", help="The user's id as the source writes it; '-' reads it from standard input.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what there is of the user.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Remove a user's events, what they left elsewhere and what they add to every count, and rebuild the release without them.

    What older releases named is gone afterwards. A source that still holds the user brings them back: remove them there first.
    Cut short, it goes on when it is called again with the same id.

    Example: goeswith forget-user - < id.txt
    """
    from goeswith.profile import load_profile

    profile = load_profile()
    name = sys.stdin.read() if user == "-" else user
    told = _rehearse(profile, name) if dry_run else _forget(profile, name)
    typer.echo(json.dumps(told)) if as_json else show_erasure(told)


def _rehearse(profile: Profile, user: str) -> dict[str, Any]:
    from goeswith.erasure.forget import look_for
    from goeswith.erasure.person import find_person
    from goeswith.pins import read_models
    from goeswith.releases import valid_releases

    found = look_for(profile, find_person(profile, user))
    told = {"found": not found.nothing, "dry_run": True, "rows": {**found.newest, "texts": found.texts}, "rows_on_disk": dict(found.on_disk)}
    concerned = {"invalid_releases": [r.name for r in valid_releases(profile)], "models_to_rebuild": sorted(read_models(profile))}
    return {**told, **_key(profile), **(concerned if told["found"] else {})}


def _forget(profile: Profile, user: str) -> dict[str, Any]:
    from goeswith.erasure.forget import forget_user as forget

    record = forget(profile, user)
    return {"found": record is not None, "dry_run": False, **_key(profile), **(record or {})}


def _key(profile: Profile) -> dict[str, str]:
    from goeswith.erasure.user import key_origin

    return {"hash_key": key_origin(profile)}


def show_erasure(told: Mapping[str, Any]) -> None:
    """Print what was found and removed, what became invalid, and what is left to do."""
    console = Console(highlight=False)
    if not told["found"]:
        console.print(f"there is nothing of this user, with the hash key of {told['hash_key']}")
        console.print("  -> rows that were ingested with another key are found with that key only")
        return
    console.print(_rows(told))
    for name in told["invalid_releases"]:
        console.print(f"release {name} {'would be' if told['dry_run'] else 'is'} invalid")
    for name in told["models_to_rebuild"]:
        console.print(f"model {name} knew the user: goeswith run train, goeswith run publish")
    if not told["dry_run"]:
        before, after = told["before"], told["after"]
        size = f"{before['bytes'] / MEGABYTE:,.1f} -> {after['bytes'] / MEGABYTE:,.1f} MB"
        console.print(f"release {told['release']}; {before['files']:,} -> {after['files']:,} files, {size}, {told['seconds']} s")


def _rows(told: Mapping[str, Any]) -> Table:
    table = Table("table", "rows" if told["dry_run"] else "rows removed", title=f"hash key: {told['hash_key']}", title_justify="left")
    for name, rows in told["rows"].items():
        table.add_row(name, f"{rows:,}")
    return table
