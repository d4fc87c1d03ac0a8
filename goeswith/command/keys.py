"""``goeswith keys``: who may ask the gateway."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from goeswith.profile import load_profile

if TYPE_CHECKING:
    from serving.gateway.keys import ApiKey

app = typer.Typer(name="keys", help="API keys of the gateway: without any it answers on loopback alone.", no_args_is_help=True)


@app.command()
def create(
    name: Annotated[str, typer.Option(help="Whose key it is; logs show this name.")],
    scopes: Annotated[str, typer.Option(help="What it opens, joined by commas: ask, search, metrics, dashboard, rules, events.")],
) -> None:
    """Make a key and print it, this once: only its hash is kept.

    Example: goeswith keys create --name shop --scopes ask,search
    """
    from serving.gateway.keys import create_key

    typer.echo(create_key(load_profile().keys, name, tuple(scope.strip() for scope in scopes.split(","))))


@app.command("list")
def list_keys(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Print the keys there are, and which are revoked; never a key itself, nor its hash.

    Example: goeswith keys list
    """
    from serving.gateway.keys import read_keys

    keys = read_keys(load_profile().keys)
    if as_json:
        typer.echo(json.dumps([key.model_dump(mode="json", exclude={"sha256"}) for key in keys]))
    else:
        _show(keys)


@app.command()
def revoke(name: Annotated[str, typer.Argument(help="The key's name.")]) -> None:
    """Revoke a key; a running gateway refuses it from its next request on.

    Example: goeswith keys revoke shop
    """
    from serving.gateway.keys import revoke_key

    revoke_key(load_profile().keys, name)
    typer.echo(f"revoked: {name}")


def _show(keys: "Sequence[ApiKey]") -> None:
    table = Table("name", "scopes", "created", "revoked")
    for key in keys:
        revoked = f"{key.revoked:%Y-%m-%d %H:%M}" if key.revoked else ""
        table.add_row(key.name, ", ".join(key.scopes), f"{key.created:%Y-%m-%d %H:%M}", revoked)
    Console().print(table if keys else "there is no key: the gateway answers everybody, on loopback alone")
