"""``goeswith rollout``: publish a model version, try it on a share of requests, let it take over, go back, and see what happened."""

import json
import re
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from goeswith.errors import ConfigError
from goeswith.profile import load_profile

if TYPE_CHECKING:
    from goeswith.promotions import Promotion
    from serving.rollout.manifest import Event, Published

app = typer.Typer(name="rollout", help="Model versions: publish, verify, try as canary, promote, roll back.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Reason = Annotated[str, typer.Option(help="Why; it stands in the history.")]
UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}
STYLES = {"rolled back": "red", "refused": "red", "canary": "yellow", "promoted": "green", "published": "green"}
STYLES |= {"kept back": "red", "awaits approval": "yellow", "in training": "dim"}


@app.command()
def publish(
    run: Annotated[str, typer.Option(help="The training run whose export is published (the newest, unless it was rolled back).")] = "",
    canary: Annotated[float, typer.Option(min=0, max=1, help="Share of requests that it takes at first; 0: all at once.")] = 0.0,
    as_json: AsJson = False,
) -> None:
    """Publish an export, once its hashes, signatures and golden requests hold; where they do not, nothing changes.

    Example: goeswith rollout publish --canary 0.1
    """
    from goeswith.jobs import JobRun
    from serving.rollout.publish import run as publish_models

    done = publish_models(JobRun(profile=load_profile(), run_id="rollout", params={"run": run, "canary": canary}))
    found = dict(done.summary)
    share = f"canary, {canary:.0%} of requests" if canary else "current"
    changed = (
        f"{found['run']}/{found['version']} is {share}"
        if found["changed"]
        else f"nothing changed: {found.get('rolled_back', 'it is served already')}"
    )
    _say(found, changed, as_json=as_json)


@app.command()
def verify(
    version: Annotated[int | None, typer.Argument(help="The version (the current one).")] = None,
    as_json: AsJson = False,
) -> None:
    """Check a kept version: the manifest's signature, every file's hash, every tensor's type, every golden answer on a Triton of its own.

    Example: goeswith rollout verify 3
    """
    from serving.rollout.change import verify as check

    found = check(load_profile(), version)
    said = f"{found['run']}/{found['version']} holds: {found['files']} files, golden answers within {found['golden_max_abs_diff']:.2g}"
    _say(found, f"{said}; signature {found['signature']}", as_json=as_json)


@app.command()
def promote(reason: Reason = "", as_json: AsJson = False) -> None:
    """Let the canary take all requests, once its golden requests hold where it is served; where they do not, it is rolled back.

    Example: goeswith rollout promote --reason "a day without complaints"
    """
    from serving.rollout.change import promote as take_over

    after = take_over(load_profile(), reason)
    _say(_state(after), f"{after.current.name} is current", as_json=as_json)


@app.command()
def rollback(
    to: Annotated[int | None, typer.Option(help="A kept version (with a canary the current one, else the one before).")] = None,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """End the canary, or go back to an earlier version. What is gone back from is removed; its export stays, and can be published again.

    Example: goeswith rollout rollback --to 3 --reason "wrong prices in the training set"
    """
    from serving.rollout.change import roll_back

    after = roll_back(load_profile(), to, reason)
    _say(_state(after), f"{after.current.name} is current, no canary is under way", as_json=as_json)


@app.command()
def watch(
    window: Annotated[str, typer.Option(help="How long: seconds, or 90s, 10m, 2h.")] = "10m",
    requests: Annotated[int, typer.Option(min=1, help="Requests that both versions must have had.")] = 500,
    errors: Annotated[float, typer.Option(min=0, max=1, help="How much larger the canary's share of failed requests may be.")] = 0.01,
    slower: Annotated[float, typer.Option(min=1, help="How many times as long its 99th percentile may take (and 20 ms).")] = 1.5,
    promote_it: Annotated[bool, typer.Option("--promote", help="Let it take over if it was no worse.")] = False,
    as_json: AsJson = False,
) -> None:
    """Compare the canary with the current version, as Triton counts both, and replay its golden requests: roll it back once it is worse.

    Example: goeswith rollout watch --window 30m --promote
    """
    from serving.rollout.decision import Bounds
    from serving.rollout.watch import watch as look

    bounds = Bounds(requests=requests, errors=errors, slower=slower)
    verdict = look(load_profile(), bounds, read_seconds(window), promote_it=promote_it)
    done = {"roll back": "rolled back", "good": "promoted" if promote_it else "good", "wait": "too few requests, it stays canary"}[verdict.outcome]
    _say({"outcome": verdict.outcome, "why": verdict.why, "figures": dict(verdict.figures)}, f"{done}: {verdict.why}", as_json=as_json)
    if verdict.outcome == "roll back":
        raise typer.Exit(1)


@app.command()
def history(as_json: AsJson = False) -> None:
    """Print what is served, all that happened to it, and which trainings were kept back, the newest first.

    Example: goeswith rollout history --json
    """
    from goeswith.promotions import read_promotions
    from serving.rollout.manifest import require_trusted

    profile = load_profile()
    published, records = require_trusted(profile), read_promotions(profile)
    if as_json:
        told = {"history": published.history, "promotions": records}
        typer.echo(json.dumps({**_state(published), **{name: [each.model_dump(mode="json") for each in found] for name, found in told.items()}}))
        return
    canary = f", canary {published.canary.version} with {published.canary.share:.0%} of requests" if published.canary else ""
    typer.echo(f"current {published.current.name}{canary}; kept {', '.join(map(str, published.kept))}")
    columns = [Column(name, no_wrap=name != "why") for name in ("when", "who", "what", "version", "why")]
    table = Table(*columns)
    rows = [*((event.at, _row(event)) for event in published.history), *((each.at, _row_of(each)) for each in records if each.decision != "promoted")]
    for _, row in sorted(rows, reverse=True):
        table.add_row(*row)
    Console().print(table, highlight=False)


@app.command()
def approve(
    run: Annotated[str, typer.Argument(help="The training run that awaits approval.")],
    reject: Annotated[bool, typer.Option("--reject", help="Keep it back.")] = False,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Let a training whose figures hold go live, or keep it back, where no scheduler of Airflow's asks you (operator.approval).

    Example: goeswith rollout approve monday --reason "looks right for the sale"
    """
    from goeswith import promotions

    after = promotions.approve(load_profile(), run, approved=not reject, why=reason)
    next_step = f"; go on: goeswith run train --run {run}" if after.decision == "promoted" else ""
    _say(after.model_dump(mode="json"), f"{run} is {after.decision}: {after.reason}{next_step}", as_json=as_json)


def read_seconds(text: str) -> float:
    """Return the seconds of '90', '90s', '10m' or '2h'. Raises ``ConfigError``."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text.strip())
    if not found:
        raise ConfigError(f"--window {text!r} is no time", "for example 90s, 10m, 2h")
    return float(found[1]) * UNITS[found[2] or "s"]


def _row(event: "Event") -> tuple[str, ...]:
    what = f"[{STYLES[event.what]}]{event.what}[/]"
    return f"{event.at:%Y-%m-%d %H:%M:%S}", escape(event.by), what, f"{escape(event.run)}/{event.version}", escape(event.why)


def _row_of(record: "Promotion") -> tuple[str, ...]:
    said = "kept back" if record.decision == "kept back" else "awaits approval" if record.awaits_approval else "in training"
    what = f"[{STYLES[said]}]{said}[/]"
    return f"{record.at:%Y-%m-%d %H:%M:%S}", escape(record.by), what, escape(record.run), escape(record.reason)


def _state(published: "Published") -> dict[str, Any]:
    canary = published.canary.model_dump(mode="json") if published.canary else None
    return {"version": published.version, "run": published.run, "canary": canary, "kept": list(published.kept)}


def _say(found: dict[str, Any], text: str, *, as_json: bool) -> None:
    typer.echo(json.dumps(found, default=str) if as_json else text)
