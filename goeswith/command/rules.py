"""``goeswith rules``: what a shop's people say about answers, whatever the models say."""

import getpass
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from goeswith.errors import ConfigError
from goeswith.profile import load_profile

if TYPE_CHECKING:
    from serving.rules.recorded import Change, Recorded
    from serving.rules.refusals import Finding

app = typer.Typer(
    name="rules", help="Pins, bans and categories that are kept apart; they hold at once, and the table says who, when and why.", no_args_is_help=True
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Why = Annotated[str, typer.Option(help="Why; it stands in the history.")]
By = Annotated[str, typer.Option(help="Who says so (the login name).")]
When = datetime | None


@app.command()
def add(
    why: Why,
    kind: Annotated[str, typer.Argument(help="pin, ban, ban_category or sensitive_category.")] = "",
    item: Annotated[str, typer.Argument(help="The item that is pinned or banned.")] = "",
    query_item: Annotated[str, typer.Option("--for", help="The item whose answers it is about.")] = "",
    query_category: Annotated[str, typer.Option("--for-category", help="The category whose items' answers it is about.")] = "",
    category: Annotated[
        str, typer.Option(help="The category that is kept apart, or sensitive: a name of its path, or its beginning joined by ' > '.")
    ] = "",
    type: Annotated[str, typer.Option(help="The answers that it is about: all, substitute, complement or bundle.")] = "all",
    position: Annotated[int | None, typer.Option("--at", help="The place of a pin, from 1.")] = None,
    both_ways: Annotated[bool, typer.Option("--both-ways", help="Keep two categories apart in either's answers.")] = False,
    text: Annotated[str, typer.Option(help="What customers may read beside a pinned item.")] = "",
    valid_from: Annotated[When, typer.Option("--from-time", help="When it begins to hold, in UTC.")] = None,
    valid_until: Annotated[When, typer.Option("--until", help="When it ends, in UTC.")] = None,
    file: Annotated[
        Path | None, typer.Option("--from", help="A CSV file with many rules, added all or not at all; its columns are a rule's fields and why.")
    ] = None,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Add a rule, or all of a file; it holds from the next question on.

    Example: goeswith rules add ban p107960 --why "recalled by its maker"

    Example: goeswith rules add pin p107960 --for p107961 --at 1 --type substitute --text "Our own brand" --why "campaign 12" --until 2027-01-31

    Example: goeswith rules add ban_category --for-category Kids --category Alcohol --both-ways --why "youth protection"

    Example: goeswith rules add sensitive_category --category Lingerie --why "customers asked for it"

    Example: goeswith rules add --from rules.csv --why "spring"
    """
    said: dict[str, Any] = {"kind": kind, "item": item, "query_item": query_item, "query_category": query_category, "category": category}
    said |= {"type": type, "position": position, "both_ways": both_ways, "text": text}
    said |= {"valid_from": _utc(valid_from), "valid_until": _utc(valid_until)}
    _show_rules(_add(said, file, why, by), as_json)


def _add(said: dict[str, Any], file: Path | None, why: str, by: str) -> "list[Recorded]":
    from serving.rules.csv_file import read_csv
    from serving.rules.recorded import parse_body
    from serving.rules.table import add_rules

    if file is not None and (said["kind"] or said["item"]):
        raise ConfigError("a rule and a file at once", "give --from FILE, or a kind with what it needs")
    bodies, whys = ([parse_body(said)], [why]) if file is None else read_csv(file, why)
    return add_rules(load_profile(), bodies, by=by or getpass.getuser(), why=whys)


@app.command()
def remove(rule_ids: Annotated[list[str], typer.Argument(help="The rules' ids.")], why: Why, by: By = "", as_json: AsJson = False) -> None:
    """Remove rules, all or none of those that are named: from the next question on they do nothing. The history keeps them.

    Example: goeswith rules remove r12 r13 --why "the campaign is over"
    """
    from serving.rules.table import remove_rules

    _show_rules(remove_rules(load_profile(), rule_ids, by=by or getpass.getuser(), why=why), as_json)


@app.command("list")
def list_rules(query: Annotated[str, typer.Argument(help="Only rules that name this item or category.")] = "", as_json: AsJson = False) -> None:
    """Print the rules that stand, those to come and those that ended included.

    Example: goeswith rules list p107960
    """
    from serving.rules.table import standing_rules

    rules = standing_rules(load_profile())
    _show_rules([rule for rule in rules if query in ("", rule.item, rule.query_item, rule.category, rule.query_category)], as_json)


@app.command()
def history(rule_id: Annotated[str, typer.Argument(help="Only of one rule.")] = "", as_json: AsJson = False) -> None:
    """Print who added and removed which rule, when and why, the newest first.

    Example: goeswith rules history r12
    """
    from serving.rules.recorded import list_changes
    from serving.rules.table import read_rules

    changes = [change for change in list_changes(read_rules(load_profile())) if rule_id in ("", change.rule.rule_id)]
    if as_json:
        _print_json([change.model_dump(mode="json") for change in changes])
    else:
        _show_changes(changes)


@app.command()
def check(as_json: AsJson = False) -> None:
    """Print what is wrong with the rules that stand: ended, pointing nowhere, contradicting. Ends with 1 where something is.

    Example: goeswith rules check
    """
    from serving.rules.table import check_rules

    found = check_rules(load_profile())
    if as_json:
        _print_json([asdict(finding) for finding in found])
    else:
        _show_findings(found)
    raise typer.Exit(1 if found else 0)


@app.command()
def export() -> None:
    """Write the file that clients read again, from the table: after a crash, or where it is damaged.

    Example: goeswith rules export
    """
    from serving.rules.table import export_rules

    path = export_rules(load_profile())
    typer.echo(f"wrote {path}" if path else "there never was a rule: no file is needed")


def _utc(when: datetime | None) -> datetime | None:
    return None if when is None else when.replace(tzinfo=UTC)


def _print_json(rows: list[dict[str, Any]]) -> None:
    typer.echo(json.dumps(rows))


def _show_rules(rules: "Sequence[Recorded]", as_json: bool) -> None:
    from serving.rules.refusals import told

    if as_json:
        _print_json([rule.model_dump(mode="json") for rule in rules])
        return
    table = Table("rule", "what", "holds", "added", "why")
    for rule in rules:
        table.add_row(rule.rule_id, escape(told(rule)), _holds(rule), escape(f"{rule.created_at:%Y-%m-%d %H:%M} {rule.created_by}"), escape(rule.why))
    Console().print(table if rules else "no rule stands")


def _holds(rule: "Recorded") -> str:
    if rule.removed_at is not None:
        return "removed"
    now = datetime.now(UTC)
    since = f"from {rule.valid_from:%Y-%m-%d %H:%M}" if rule.valid_from and rule.valid_from > now else ""
    until = f"{'ended' if rule.valid_until <= now else 'until'} {rule.valid_until:%Y-%m-%d %H:%M}" if rule.valid_until else ""
    return " ".join(filter(None, (since, until))) or "always"


def _show_changes(changes: "Sequence[Change]") -> None:
    from serving.rules.refusals import told

    table = Table("when", "who", "did", "rule", "what", "why")
    for change in changes:
        table.add_row(
            f"{change.at:%Y-%m-%d %H:%M}", escape(change.by), change.did, change.rule.rule_id, escape(told(change.rule)), escape(change.why)
        )
    Console().print(table if changes else "there never was a rule")


def _show_findings(found: "Sequence[Finding]") -> None:
    table = Table("rule", "what is wrong")
    for finding in found:
        table.add_row(finding.rule_id, escape(finding.problem))
    Console().print(table if found else "nothing is wrong with the rules")
