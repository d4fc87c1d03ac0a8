"""``goeswith ask`` and ``goeswith explain``: questions to the client, through the gateway that ``up`` left running."""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from goeswith.command.asker import Asker
from goeswith.command.asking import build_asker
from goeswith.errors import ConfigError
from goeswith.profile import load_profile

app = typer.Typer(name="ask", help="What replaces an item, what goes with it, what completes a bundle.", no_args_is_help=True)

ItemId = Annotated[str, typer.Argument(help="An item's id.")]
K = Annotated[int, typer.Option("-k", help="How many answers.")]
InStock = Annotated[bool, typer.Option("--in-stock", help="Only what is available.")]
MaxPrice = Annotated[float | None, typer.Option("--max-price", help="Only what costs at most this.")]
Category = Annotated[str, typer.Option("--category", help="Only within a category: its name, or its path joined by ' > '.")]
Sure = Annotated[bool, typer.Option("--sure", help="Rather fewer answers, or none, than one that the model is not sure of.")]
NoVariants = Annotated[bool, typer.Option("--no-variants", help="No other colour or size of a given item.")]
PerCategory = Annotated[int, typer.Option("--per-category", min=0, help="At most so many of one kind; 0: any.")]
Brand = Annotated[str, typer.Option("--brand", help="Only of one brand.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Local = Annotated[bool, typer.Option("--local", help="Ask in this process, without the gateway (takes seconds to start).")]


@app.command()
def substitutes(
    item_id: ItemId,
    k: K = 10,
    in_stock: InStock = False,
    max_price: MaxPrice = None,
    category: Category = "",
    brand: Brand = "",
    sure: Sure = False,
    as_json: AsJson = False,
    local: Local = False,
) -> None:
    """Print what can be bought instead of an item.

    Example: goeswith ask substitutes 0108775015 -k 5
    """
    filters = _filters(in_stock=in_stock, max_price=max_price, category=category, brand=brand, sure=sure)
    _show(_asker(local).related("substitutes", item_id, k, filters), as_json)


@app.command()
def complements(
    item_id: ItemId,
    k: K = 10,
    in_stock: InStock = False,
    max_price: MaxPrice = None,
    category: Category = "",
    brand: Brand = "",
    sure: Sure = False,
    as_json: AsJson = False,
    local: Local = False,
) -> None:
    """Print what goes with an item.

    Example: goeswith ask complements 0108775015 --max-price 20
    """
    filters = _filters(in_stock=in_stock, max_price=max_price, category=category, brand=brand, sure=sure)
    _show(_asker(local).related("complements", item_id, k, filters), as_json)


@app.command()
def bundle(
    item_ids: Annotated[list[str], typer.Argument(help="The items that are given.")],
    k: K = 10,
    in_stock: InStock = False,
    max_price: MaxPrice = None,
    no_variants: NoVariants = False,
    per_category: PerCategory = 0,
    as_json: AsJson = False,
    local: Local = False,
) -> None:
    """Print what completes a bundle of given items.

    Example: goeswith ask bundle 0108775015 0110065001 --no-variants --per-category 2
    """
    filters = _filters(in_stock=in_stock, max_price=max_price, no_variants=no_variants, per_category=per_category)
    _show(_asker(local).bundle(item_ids, k, filters), as_json)


@app.command()
def make_bundle(
    item_id: ItemId,
    size: Annotated[int, typer.Option(min=2, help="How many items, the given one among them.")] = 4,
    budget: Annotated[float | None, typer.Option(min=0, help="What all of them may cost.")] = None,
    in_stock: InStock = False,
    as_json: AsJson = False,
    local: Local = False,
) -> None:
    """Print a bundle around an item: what completes it, one by one, each of another kind.

    Example: goeswith ask make-bundle 0108775015 --size 4 --budget 60
    """
    wish = {"item": item_id, "size": size, "budget": budget, "filters": _filters(in_stock=in_stock)}
    _show(_asker(local).make_bundle(wish), as_json)


@app.command()
def new(
    title: Annotated[str, typer.Option(help="Its name.")] = "",
    image: Annotated[Path | None, typer.Option(help="Its picture: a JPEG or PNG file.")] = None,
    description: Annotated[str, typer.Option(help="Longer text.")] = "",
    brand: Annotated[str, typer.Option(help="Its brand.")] = "",
    category: Annotated[str, typer.Option(help="Its category path, joined by ' > '.")] = "",
    kind: Annotated[str, typer.Option("--type", help="substitute or complement.")] = "substitute",
    k: K = 10,
    as_json: AsJson = False,
    local: Local = False,
) -> None:
    """Print what replaces, or goes with, an item that the shop does not have yet.

    Example: goeswith ask new --title "red racket" --image racket.png --type complement
    """
    item = {"title": title, "description": description, "brand": brand, "category": category, "image": _picture(image), "type": kind, "k": k}
    _show(_asker(local).new(item), as_json)


@app.command()
def score(
    item_id: ItemId,
    others: Annotated[list[str], typer.Argument(help="Items to score with it.")],
    as_json: AsJson = False,
    local: Local = False,
) -> None:
    """Print how far given items stand out as substitutes and as complements of one, whatever lists hold.

    Standings are standard deviations above the mean of the whole catalogue.

    Example: goeswith ask score 0108775015 0110065001 0111565001
    """
    found = _asker(local).score(item_id, others)
    if as_json:
        typer.echo(json.dumps(found))
        return
    table = Table("item", "substitute", "complement", "stands out as", title=escape(f"with {item_id}"), title_justify="left")
    for pair in found["pairs"]:
        table.add_row(escape(pair["dst"]), _standing(pair["substitute"]), _standing(pair["complement"]), pair["type"] or "neither")
    _print_with_versions(table, found)


def explain(a: ItemId, b: ItemId, as_json: AsJson = False, local: Local = False) -> None:
    """Say why two items are related: counts, lift, verdict, places among the neighbours, versions.

    Example: goeswith explain 0108775015 0110065001
    """
    found = _asker(local).explain(a, b)
    if as_json:
        typer.echo(json.dumps(found))
        return
    console = Console()
    for item in (found["a"], found["b"]):
        console.print(f"[bold]{escape(item['item_id'])}[/] {_title(item)}", highlight=False)
    for reason in found["reasons"]:
        console.print(f"  {escape(reason)}", highlight=False)
    console.print(f"both have: {', '.join(found['modalities']) or 'neither text nor picture'}")
    console.print(_versions(found["versions"]), style="dim", highlight=False)


def _asker(local: bool) -> Asker:
    return build_asker(load_profile(), local=local)


def _filters(**given: Any) -> dict[str, Any]:
    """Return the filters that were given."""
    return {name: value for name, value in given.items() if value not in (None, False, "")}


def _picture(path: Path | None) -> str:
    if path is None:
        return ""
    if not path.is_file():
        raise ConfigError(f"there is no picture {str(path)!r}", "give the path of a JPEG or PNG file")
    return base64.b64encode(path.read_bytes()).decode()


_HEADINGS = {"bundle": "completes a bundle of {}", "made_bundle": "a bundle around {}"}


def _show(answer: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(answer))
        return
    heading = _HEADINGS.get(answer["type"], f"{answer['type']}s of {{}}").format(", ".join(answer["query"]))
    table = Table("score", "item", "title", "price", "why", title=escape(heading), title_justify="left")
    for item in answer["items"]:
        price = "" if item["price"] is None else f"{item['price']:.2f} {item['currency'] or ''}".rstrip()
        table.add_row(_score(item), escape(item["item_id"]), _title(item), price, escape(item["reason"]))
    _print_with_versions(table, answer)


def _print_with_versions(table: Table, answer: Mapping[str, Any]) -> None:
    console = Console()
    console.print(table)
    source = f"source {answer['source']}; " if "source" in answer else ""
    console.print(f"{source}{_versions(answer['versions'])}", style="dim", highlight=False)
    for note in answer["notes"]:
        console.print(f"note: {escape(note)}", style="dim", highlight=False)


def _standing(scored: Mapping[str, float] | None) -> str:
    return "unknown" if scored is None else f"{scored['standing']:+.1f}"


def _score(item: Mapping[str, Any]) -> str:
    """Return the score, with a question mark where it is below the model's threshold."""
    return f"{item['score']:.3f}" + (" ?" if item.get("sure") is False else "")


def _title(item: Mapping[str, Any]) -> str:
    return escape(item["title"] or " > ".join(item["category"]) or "(no title)")


def _versions(versions: Mapping[str, Any]) -> str:
    age = versions["features_age_s"]
    shown = "" if age is None else f", features {age / 3600:.1f} h old"
    return f"release {versions['release']}, models {versions['model_version']}{shown}"
