"""``goeswith quarantine``: what was refused and why, and the way back for rows that were repaired or whose cause is gone."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from goeswith import lake
from goeswith.command.job import read_option
from goeswith.errors import ConfigError, VersionMissing
from goeswith.profile import Profile, load_profile

SHOWN = 20
COLUMNS = ("source", "row_hash", "target", "rule", "detail", "row", "fields")

app = typer.Typer(name="quarantine", help="Refused rows: list them, repair them, let them try again.", no_args_is_help=True)
Rule = Annotated[str, typer.Option(help="Rows that broke this rule only.")]


@app.command("list")
def list_refused(
    rule: Rule = "",
    target: Annotated[str, typer.Option(help="Rows meant for this table only: items, events, bundles, declared_relations, pictures.")] = "",
    limit: Annotated[int | None, typer.Option(min=0, help=f"How many rows to show ({SHOWN}; with --json all).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print rows as JSON lines, which 'replay --file' reads.")] = False,
) -> None:
    """Count refused rows by rule, then show them. User ids are hashed.

    Example: goeswith quarantine list --rule price_unreadable --json > rows.jsonl
    """
    profile = load_profile()
    chosen = {name: value for name, value in (("rule", rule), ("target", target)) if value}
    if as_json:
        for row in islice(read_refused(profile, chosen), limit):
            typer.echo(json.dumps(row, ensure_ascii=False))
        return
    _show(count_refused(profile, chosen), islice(read_refused(profile, chosen), SHOWN if limit is None else limit))


@app.command()
def replay(
    rule: Rule = "",
    file: Annotated[Path | None, typer.Option(help="Repaired rows: lines of 'list --json' whose \"fields\" were mended by hand.")] = None,
    mapping: Annotated[Path | None, typer.Option(help="A corrected mapping.yaml: read the rows anew by it, but for hashed ids.")] = None,
    params: Annotated[str, typer.Option(help='JSON: further parameters of ingest, for example \'{"robots": {"max_pieces": 50000}}\'.')] = "{}",
) -> None:
    """Let refused rows try again: as they stand (their items have come, limits have changed), or as a file repairs or a mapping reads them.

    Runs the DAG ingest: rows that pass enter their table, are gated and released with it, and leave the quarantine.
    """
    from goeswith.command.run import run_dag
    from goeswith.records import read_records

    profile, run = load_profile(), f"replay-{time.strftime('%Y%m%dT%H%M%S')}"
    further = read_option("--params", params)
    files = {name: str(_existing(path)) if path else "" for name, path in (("file", file), ("mapping", mapping))}
    chosen = {"mode": "replay", "rule": rule, **files}
    run_dag(profile, "ingest", run, {"ingest": {**further, **chosen}})
    for table, rows in read_records(profile, run)["ingest"]["summary"]["rows"].items():
        typer.echo(f"{table}: {rows['in']} tried, {rows['kept']} kept, {rows['duplicates']} duplicates, {rows['quarantined']} refused again")
    typer.echo(f"released as {run}; count them with: goeswith run graph")


def read_refused(profile: Profile, chosen: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Yield refused rows whose columns hold what ``chosen`` says, batch by batch; ``row`` and ``fields`` as objects."""
    for batch in _batches(profile, COLUMNS, chosen):
        for row in batch.to_pylist():
            yield {**row, "row": _object(row["row"]), "fields": _object(row["fields"])}


def count_refused(profile: Profile, chosen: dict[str, str]) -> Counter[tuple[str, str]]:
    """Return how many rows broke which rule on the way to which table."""
    counts: Counter[tuple[str, str]] = Counter()
    for batch in _batches(profile, ("rule", "target"), chosen):
        counts.update((row["rule"], row["target"]) for row in batch.to_pylist())
    return counts


def _batches(profile: Profile, columns: tuple[str, ...], chosen: dict[str, str]) -> Iterator[Any]:
    if lake.current_version(profile, "quarantine") is None:
        raise VersionMissing("there is no quarantine yet", "ingest a source first: goeswith run ingest")
    return lake.read_batches(profile, "quarantine", columns=columns, where=chosen)


def _object(text: str | None) -> Any:
    """Return what a JSON text says, or the text of a row that is none."""
    try:
        return None if text is None else json.loads(text)
    except json.JSONDecodeError:
        return text


def _existing(file: Path) -> Path:
    if not file.is_file():
        raise ConfigError(f"there is no file {file}", "name an export of 'goeswith quarantine list --json', or a mapping file")
    return file.resolve()


def _show(counts: Counter[tuple[str, str]], rows: Iterator[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    by_rule = Table("rule", "table", "rows", title=f"{counts.total():,} refused rows", title_justify="left")
    for (rule, target), n in counts.most_common():
        by_rule.add_row(rule, target, f"{n:,}")
    console.print(by_rule)
    for row in rows:
        console.print(f"[bold]{row['rule']}[/] {row['target']}: ", end="")
        told = (json.dumps(row[name], ensure_ascii=False) for name in ("detail", "row"))  # JSON: a row's control characters stay text
        console.print(*told, markup=False, highlight=False, soft_wrap=True)
