"""``goeswith run``: one DAG in this process, by Airflow's own ``dag.test()``."""

import json
import time
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from goeswith import errors
from goeswith.command.task_watch import watch_tasks
from goeswith.errors import ConfigError, GoeswithError
from goeswith.profile import PROJECT_ROOT, Profile
from goeswith.records import FAILURES

DAGS = ("ingest", "graph", "train", "publish")
"""The way from a source to answers, in this order."""
OTHER_DAGS = ("stream", "feedback", "judge", "evaluate", "embed", "refresh_features", "teach_judge", "drift", "maintenance", "reap")


def run(
    dag_id: Annotated[str, typer.Argument(help=f"{', '.join((*DAGS, *OTHER_DAGS))}.")],
    run_id: Annotated[str, typer.Option("--run", help="Id of the run; the same one twice does only what is left.")] = "",
    params: Annotated[str, typer.Option(help='JSON: parameters by task, for example \'{"ingest": {"source": "hm"}}\'.')] = "{}",
) -> None:
    """Run one DAG here and now, and after drift the training that it asks for.

    Example: goeswith run graph --run monday
    """
    from goeswith.profile import load_profile

    profile, chosen = load_profile(), run_id or f"{dag_id}-{time.strftime('%Y%m%dT%H%M%S')}"
    run_dag(profile, dag_id, chosen, json.loads(params))
    typer.echo(f"{dag_id}: run {chosen} succeeded")
    _tell_decision(profile, dag_id, chosen)
    if dag_id == "drift":
        _train_if_due(profile, chosen)


def _train_if_due(profile: Profile, run_id: str) -> None:
    """Run the training that a run of drift asked for, which a scheduler would start."""
    from goeswith.drift.history import asked_training

    asked = asked_training(profile, run_id)
    if asked:
        typer.echo(f"train: run {asked.run}, because of {asked.reason}")
        run_dag(profile, "train", asked.run, asked.conf["params"])
        typer.echo(f"train: run {asked.run} succeeded")
        _tell_decision(profile, "train", asked.run)


def _tell_decision(profile: Profile, dag_id: str, run_id: str) -> None:
    """Say whether a training's models go live, and what to do where a person is asked: no scheduler asks anybody here."""
    from goeswith.promotions import read_promotion

    found = read_promotion(profile, run_id) if dag_id == "train" else None
    if found:
        typer.echo(f"train: {found.decision}: {found.reason}")
    if found and found.awaits_approval:
        typer.echo(f"  -> goeswith rollout approve {run_id} (or --reject), then: goeswith run train --run {run_id}")


def run_dag(
    profile: Profile, dag_id: str, run_id: str, params: Mapping[str, Any] | None = None, on_task: Callable[[str], None] | None = None
) -> None:
    """Run a DAG to its end. ``on_task`` is called with each task id that ended.

    Raises the error that the failing job met (``GoeswithError``), or one that names its log.
    """
    from goeswith.command.airflow_home import prepare_airflow

    prepare_airflow(profile)
    dag = load_dag(dag_id)
    _clear_failures(profile, run_id)
    with watch_tasks(profile, run_id, on_task or _ignore):
        finished = dag.test(run_conf={"run": run_id, "no_scheduler": True, "params": dict(params or {})})
    if str(finished.state) != "success":
        raise _failure(profile, run_id, dag_id)


def load_dag(dag_id: str) -> Any:
    """Return a DAG of ours. Raises ``ConfigError`` for an unknown one, or one whose file does not load."""
    from airflow.dag_processing.dagbag import DagBag

    if dag_id not in (*DAGS, *OTHER_DAGS):
        raise ConfigError(f"no DAG is called {dag_id!r}", f"DAGs: {', '.join((*DAGS, *OTHER_DAGS))}")
    bag = DagBag(dag_folder=str(PROJECT_ROOT / "dags" / f"{dag_id}.py"))
    if bag.import_errors:
        raise ConfigError(f"DAG {dag_id!r} does not load: {next(iter(bag.import_errors.values()))}", "mend the DAG file")
    return bag.dags[dag_id]


def _ignore(_task: str) -> None:
    """Nobody watches."""


def _clear_failures(profile: Profile, run_id: str) -> None:
    for path in (profile.runs / run_id / FAILURES).glob("*.json"):
        path.unlink()


def _failure(profile: Profile, run_id: str, dag_id: str) -> GoeswithError:
    folder = profile.runs / run_id
    for path in sorted((folder / FAILURES).glob("*.json")):
        failure = json.loads(path.read_text(encoding="utf-8"))
        kind = getattr(errors, failure["kind"], GoeswithError)
        error: GoeswithError = kind(failure["what"], failure["remedy"])
        return error
    logs = sorted(folder.glob("*.log"), key=lambda path: path.stat().st_mtime)
    return GoeswithError(f"DAG {dag_id!r} failed in run {run_id!r}", f"read {logs[-1] if logs else folder}")
