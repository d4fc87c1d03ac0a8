"""``goeswith demo``: the whole way, through the real DAGs, from a source to served answers and a report."""

import json
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from goeswith import fingerprint
from goeswith.command.run import DAGS, run_dag
from goeswith.errors import ConfigError
from goeswith.profile import Profile, load_profile
from goeswith.results import write_json

CODE = ("goeswith", "spark_jobs", "feature_repo", "training", "serving", "dags", "model_repository")


def demo(
    source: Annotated[str, typer.Option(help="synthetic, hm, bundlerec, amazon-relations, amazon-meta, instacart, gatne or files.")] = "synthetic",
    data: Annotated[Path | None, typer.Option(help="The source's folder; synthetic needs none.")] = None,
    params: Annotated[str, typer.Option(help='JSON: parameters by task, for example \'{"prune_pairs": {"rate": 0.5}}\'.')] = "{}",
    keep_up: Annotated[bool, typer.Option(help="Leave Triton and the gateway running at the end.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Take a shop the whole way: ingest, graph, training, publishing, answers, report. Run again it does only what changed.

    Examples: goeswith demo

              goeswith demo --source hm --data DIR
    """
    profile = load_profile()
    given = _parameters(params, source, data)
    run_id = choose_run(profile, source, data, given)
    run_dags(profile, run_id, given)
    summary = finish(profile, run_id, keep_up=keep_up)
    typer.echo(json.dumps(summary, indent=1)) if as_json else _show(profile, summary)


def _parameters(params: str, source: str, data: Path | None) -> dict[str, Any]:
    try:
        given: dict[str, Any] = json.loads(params)
    except json.JSONDecodeError as error:
        raise ConfigError(f"--params is no JSON: {error}", "for example --params '{\"train_cirp_full\": {}}'") from error
    ingest = {"source": source, "data": str(data.resolve()) if data else ""}
    return {**given, "ingest": {**ingest, **given.get("ingest", {})}}


def choose_run(profile: Profile, source: str, data: Path | None, params: dict[str, Any]) -> str:
    """Return the last demo's run id where source, data, parameters and code are the same; else a new one."""
    path = profile.root / "demo.json"
    wanted = fingerprint.of_values(source, fingerprint.of_files(data), params, fingerprint.of_code(CODE))
    if path.exists():
        last: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
        if last["fingerprint"] == wanted:
            return last["run"]
    run_id = f"{source}-{time.strftime('%Y%m%dT%H%M%S')}"
    write_json(path, {"fingerprint": wanted, "run": run_id})
    return run_id


def run_dags(profile: Profile, run_id: str, params: dict[str, Any]) -> None:
    """Run the four DAGs in order; each task that starts is shown with the seconds so far."""
    console = Console(stderr=True)
    started = time.monotonic()
    with console.status("starting") as status:

        def show(task: str) -> None:
            console.print(f"[dim]{time.monotonic() - started:6.0f} s[/] {task}")
            status.update(f"[bold]{task}[/] under way; its log: {profile.runs / run_id / task}.log")

        for dag_id in DAGS:
            status.update(f"DAG {dag_id}")
            run_dag(profile, dag_id, run_id, params, show)


def finish(profile: Profile, run_id: str, *, keep_up: bool) -> dict[str, Any]:
    """Bring the servers up, ask one question of each kind, write summary and report; return the summary."""
    from goeswith.command.answers import ask_one_of_each
    from goeswith.command.report import write_report
    from goeswith.command.servers import start_servers, stop_servers
    from goeswith.command.summary import build_summary

    start_servers(profile)
    try:
        answers = ask_one_of_each(profile)
    finally:
        if not keep_up:
            stop_servers(profile)
    summary = build_summary(profile, run_id, answers)
    write_json(profile.root / "summary.json", summary)
    write_report(profile, summary)
    return summary


def _show(profile: Profile, summary: dict[str, Any]) -> None:
    from goeswith.command.show import show_summary

    show_summary(summary, report=profile.results / "report.html")
