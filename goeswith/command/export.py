"""``goeswith export``: what was computed for every item, as a file."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from goeswith.errors import ConfigError
from goeswith.profile import load_profile

if TYPE_CHECKING:
    from goeswith.neighbour_files import Format

app = typer.Typer(name="export", help="Write what was computed for every item as a file.", no_args_is_help=True)

BY_SUFFIX: "dict[str, Format]" = {".parquet": "parquet", ".jsonl": "jsonl", "": "delta"}


@app.callback()
def export() -> None:
    """Write what was computed for every item as a file."""


@app.command()
def neighbours(
    to: Annotated[Path, typer.Argument(help="The file to write: .parquet, .jsonl, or a folder for a Delta table.")],
    k: Annotated[int, typer.Option("-k", min=1, max=200, help="Places of a list at most.")] = 20,
    type_: Annotated[Literal["", "substitute", "complement"], typer.Option("--type", help="One type of relation; both without it.")] = "",
    sure: Annotated[bool, typer.Option("--sure", help="Only places whose score reaches the model's threshold.")] = False,
    in_stock: Annotated[bool, typer.Option("--in-stock", help="Only neighbours that are available.")] = False,
    release: Annotated[str, typer.Option(help="A release; the newest without it.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print what was written as JSON.")] = False,
) -> None:
    """Write the whole catalogue's neighbours, one row a place, for a shop that only wants a file.

    Examples: goeswith export neighbours neighbours.parquet

              goeswith export neighbours neighbours.jsonl --type complement -k 5 --sure

              goeswith export neighbours /data/exports/neighbours   # a Delta table, one commit an export
    """
    from goeswith.neighbour_files import Wanted, read_places, write_places
    from goeswith.progress import progress
    from goeswith.releases import read_release

    kind, profile = format_of(to), load_profile()
    found = read_release(profile, release or None)
    batches = read_places(profile, found, Wanted(k=k, type=type_, sure=sure, in_stock=in_stock))
    with progress("export neighbours", None, unit="rows") as advance:
        rows = write_places((advance(batch.num_rows, "") or batch for batch in batches), to, kind)
    if as_json:
        typer.echo(json.dumps({"path": str(to), "format": kind, "rows": rows, "release": found.name}))
    else:
        typer.echo(f"{rows:,} rows of release {found.name} as {kind}: {to}")


def format_of(path: Path) -> "Format":
    """Return what a path asks for. Raises ``ConfigError`` for a suffix that nothing is written as, or a file where a table is to lie."""
    if path.suffix not in BY_SUFFIX:
        raise ConfigError(f"nothing is written as {path.suffix}", "name a file that ends in .parquet or .jsonl, or a folder for a Delta table")
    if BY_SUFFIX[path.suffix] == "delta" and path.is_file():
        raise ConfigError(f"{path} is a file, and a Delta table is a folder", "name another folder, or a file that ends in .parquet or .jsonl")
    return BY_SUFFIX[path.suffix]
