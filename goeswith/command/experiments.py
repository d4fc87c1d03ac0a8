"""``goeswith experiments``: start one, stop one, list them, and read out what became of the answers."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from goeswith.command.job import read_option
from goeswith.profile import load_profile

if TYPE_CHECKING:
    from goeswith.experiments.estimates import Interval
    from goeswith.experiments.readout import Readout
    from goeswith_client.experiments import Experiment

app = typer.Typer(name="experiments", help="A/B tests of answers: start, stop, list, read out (docs/experiments.md).", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Reason = Annotated[str, typer.Option(help="Why; it stays with the experiment.")]
Name = Annotated[str, typer.Argument(help="The experiment's name.")]
ARMS = '{"lists": {"share": 0.5}, "live": {"share": 0.5, "steps": ["model", "category_bestseller"]}}'
VERDICTS = {"holds": "green", "broken": "red", "open": "yellow"}


@app.command()
def start(
    name: Name,
    question: Annotated[str, typer.Option("--type", help="Of which questions: substitute, complement or bundle.")],
    arms: Annotated[str, typer.Option(help=f"JSON: arm -> share and treatment, the control first, for example '{ARMS}'.")],
    guardrails: Annotated[str, typer.Option(help='JSON: metric -> how much worse, for example \'{"fallbacks": 0.02, "purchases": 0.05}\'.')] = "{}",
    salt: Annotated[str, typer.Option(help="That of an earlier experiment keeps units in its arms (the name).")] = "",
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Start an experiment: from the next question on. Its arms are never edited; one runs on a type of question at a time.

    Examples: goeswith experiments start per-category --type complement --arms '{"all": {"share": 0.5}, "two": {"share": 0.5, "per_category": 2}}'

              goeswith experiments start s1 --type substitute --arms '{"all": {"share": 0.9}, "s": {"share": 0.1, "steps": ["category_bestseller"]}}'
    """
    from goeswith.experiments.registry import start_experiment

    chosen = [_arm(arm, values) for arm, values in read_option("--arms", arms).items()]
    rails = [{"metric": metric, "worse_by": worse} for metric, worse in read_option("--guardrails", guardrails).items()]
    _say(start_experiment(load_profile(), name, question, chosen, rails, salt, reason), "runs", as_json=as_json)


@app.command()
def stop(name: Name, reason: Reason = "", as_json: AsJson = False) -> None:
    """Stop an experiment: from the next question on everybody gets what they would get without it. It stays listed, and can be read out.

    Example: goeswith experiments stop per-category --reason "two a category sell more"
    """
    from goeswith.experiments.registry import stop_experiment

    _say(stop_experiment(load_profile(), name, reason), "is stopped", as_json=as_json)


@app.command("list")
def list_experiments(as_json: AsJson = False) -> None:
    """Print every experiment: its arms, who started and stopped it, when, and why.

    Example: goeswith experiments list
    """
    from goeswith.experiments.registry import read_experiments

    found = read_experiments(load_profile())
    if as_json:
        typer.echo(json.dumps([experiment.model_dump(mode="json") for experiment in found]))
        return
    table = Table("name", "type", "arms", "started", "stopped")
    for experiment in found:
        arms = "\n".join(f"{arm.name} {arm.share:.0%} {_treatment(arm.treatment.model_dump(exclude_defaults=True))}" for arm in experiment.arms)
        table.add_row(experiment.name, experiment.type, escape(arms), _change(experiment, "started"), _change(experiment, "stopped"))
    Console().print(table if found else "there is no experiment", highlight=False)


@app.command()
def readout(name: Name, as_json: AsJson = False) -> None:
    """Print what became of an experiment's answers, arm by arm; with its uplift, unless units are missing from an arm.

    Example: goeswith experiments readout per-category --json
    """
    from goeswith.experiments.readout import read_out
    from goeswith.experiments.registry import find_experiment

    profile = load_profile()
    found = read_out(profile, find_experiment(profile, name))
    if as_json:
        typer.echo(json.dumps(asdict(found)))
    else:
        show(found)


def show(found: "Readout") -> None:
    """Print a readout: whether it may be read, the arms, uplifts, guardrails, and clicks by position."""
    console = Console(highlight=False)
    console.print(f"experiment {found.experiment} on {found.type} questions; control: {found.control}")
    if not found.trusted:
        console.print(f"[red]do not read on[/]: units are not in the shares of their arms (p = {found.sample_ratio_p:.2g}); nothing is compared")
        console.print("  -> some arm's exposures are lost or sent twice: find out which before you start again")
    for table in (_arms(found), _uplifts(found), _guardrails(found), _positions(found)):
        if table.row_count:
            console.print(table)


def _arms(found: "Readout") -> Table:
    table = Table("arm", "share", "units", "answers", "clicks", "carts", "purchases", "clicks an answer", "fallbacks", "empty", "unsure")
    for arm in found.arms:
        counts = (f"{number:,}" for number in (arm.units, arm.answers, arm.clicks, arm.carts, arm.purchases))
        rates = (_interval(arm.rates[name]) for name in ("clicks_per_answer", "fallbacks", "empty", "unsure"))
        table.add_row(arm.arm, f"{arm.share:.0%}", *counts, *rates)
    return table


def _uplifts(found: "Readout") -> Table:
    table = Table("arm", "rate", "difference to the control", "whenever one looks", "change", title="uplift, 95%", title_justify="left")
    for one in found.uplifts:
        uplift = one.uplift
        table.add_row(one.arm, one.rate.replace("_", " "), _interval(uplift.difference), _interval(uplift.always), _interval(uplift.change, "+.1%"))
    return table


def _guardrails(found: "Readout") -> Table:
    table = Table("arm", "guardrail", "may be worse by", "is worse by", "verdict", title="guardrails", title_justify="left")
    for one in found.guardrails:
        table.add_row(one.arm, one.metric, f"{one.worse_by:.1%}", _interval(one.seen, "+.1%"), f"[{VERDICTS[one.verdict]}]{one.verdict}[/]")
    return table


def _positions(found: "Readout") -> Table:
    table = Table("arm", "position", "shown", "clicks", "click-through", "beside the first", title="by position", title_justify="left")
    for place in found.positions:
        relative = "" if place.propensity is None else f"{place.propensity:.2f}"
        table.add_row(place.arm, str(place.position), f"{place.shown:,}", f"{place.clicks:,}", _interval(place.rate), relative)
    return table


def _interval(found: "Interval", form: str = ".4f") -> str:
    if found.value is None:
        return "-"
    bounds = "" if found.low is None or found.high is None else f" ({found.low:{form}} to {found.high:{form}})"
    return f"{found.value:{form}}{bounds}"


def _arm(name: str, values: Any) -> dict[str, Any]:
    """Return an arm as the file holds it: all but the share is the treatment."""
    said = dict(values) if isinstance(values, Mapping) else {"share": values}
    return {"name": name, "share": said.pop("share", None), "treatment": said}


def _treatment(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}: {', '.join(value) if isinstance(value, tuple) else value}" for name, value in values.items())


def _change(experiment: "Experiment", what: str) -> str:
    change = getattr(experiment, what)
    return "" if change is None else escape(f"{change.at:%Y-%m-%d %H:%M} {change.by}" + (f": {change.why}" if change.why else ""))


def _say(experiment: "Experiment", what: str, *, as_json: bool) -> None:
    typer.echo(experiment.model_dump_json() if as_json else f"experiment {experiment.name} on {experiment.type} questions {what}")
