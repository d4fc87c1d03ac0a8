"""``goeswith cards``: what a model version and a release are, as Markdown for people who decide about them."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from goeswith.profile import Profile, load_profile
from goeswith.results import write_atomically


def cards(
    out: Annotated[Path | None, typer.Option(help="Folder to write to (results/cards).")] = None,
) -> None:
    """Write a card of every model version that is kept and of every release behind them, from the manifest, the records and the tables.

    Example: goeswith cards --out cards
    """
    profile = load_profile()
    for path in write_cards(profile, out or profile.results / "cards"):
        typer.echo(path)


def write_cards(profile: Profile, folder: Path) -> Iterator[Path]:
    """Write ``model-RUN-VERSION.md`` and ``data-RELEASE.md`` and yield their paths. Raises ``ModelUnavailable`` before the first publish."""
    from goeswith.command.card_facts import data_facts, model_facts
    from serving.rollout.manifest import require_trusted

    published = require_trusted(profile)
    for version in published.versions:
        yield write_atomically(folder / f"model-{version.run}-{version.version}.md", render("model_card", model_facts(profile, published, version)))
    for name in sorted({version.release for version in published.versions}):
        yield write_atomically(folder / f"data-{name}.md", render("data_card", data_facts(profile, name)))


def render(card: str, facts: Mapping[str, Any]) -> str:
    """Return a card as Markdown; a fact that the template asks for and nobody gives stops it."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    templates = Environment(  # Markdown: texts of the shop are made safe where they stand in it, by ``code``
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=False,  # noqa: S701
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    templates.filters["code"] = as_code
    return templates.get_template(f"{card}.md.j2").render(**facts)


def as_code(text: object) -> str:
    """Return a text between backticks, on one line and without what would end a table's cell or the code."""
    return "`" + " ".join(str(text).replace("`", "'").replace("|", "\\|").split()) + "`"
