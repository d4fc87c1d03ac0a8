"""``goeswith stream``: take in what a watched folder or a Kafka topic brought, once or again and again, and say what each micro-batch did."""

import json
import re
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from goeswith.command.job import read_option
from goeswith.errors import ConfigError, SourceUnreadable

SECONDS = {"s": 1, "m": 60, "h": 3600}


def stream(
    data: Annotated[Path | None, typer.Option(help="The watched folder, with its mapping.yaml; for Kafka, where the mapping of events is.")] = None,
    kafka: Annotated[str, typer.Option(help="A topic of events to read in the place of a folder.")] = "",
    every: Annotated[str, typer.Option(help="30s, 5m or 1h: go on until interrupted. Without it: take what is there, gate and release it.")] = "",
    params: Annotated[str, typer.Option(help="JSON: further parameters of the job stream, for example '{\"max_files\": 10}'.")] = "{}",
    as_json: Annotated[bool, typer.Option("--json", help="Print a micro-batch a line, as JSON.")] = False,
) -> None:
    """Take in new files of a folder, or new events of a topic, each exactly once; then 'goeswith run graph' counts by what changed.

    Examples: goeswith stream --data DIR

              goeswith stream --kafka events --every 30s
    """
    source = {"source": "kafka", "topic": kafka} if kafka else {"source": "files"}
    chosen = {**source, "data": str(data.resolve()) if data else "", **read_option("--params", params)}
    refused = _go_on(chosen, read_interval(every), as_json=as_json) if every else _take_what_is_there(chosen, as_json=as_json)
    if refused:
        told = "\n".join(f"  {file}: {reason}" for file, reason in refused.items())
        raise SourceUnreadable(f"files were refused, all others taken in:\n{told}", "mend each and give it a new name: a file is looked at once")


def read_interval(text: str) -> int:
    """Return the seconds that a text like '30s', '5m' or '1h' says. Raises ``ConfigError``."""
    found = re.fullmatch(r"([1-9]\d*)([smh])", text)
    if found is None:
        raise ConfigError(f"--every {text} is no interval", "say for example --every 30s, 5m or 1h")
    return int(found[1]) * SECONDS[found[2]]


def _take_what_is_there(params: Mapping[str, Any], *, as_json: bool) -> dict[str, str]:
    """Run the DAG ``stream``, so that what came is gated and released; return the refused files."""
    from goeswith.command.run import run_dag
    from goeswith.profile import load_profile
    from goeswith.records import read_records

    profile, run = load_profile(), f"stream-{time.strftime('%Y%m%dT%H%M%S')}"
    run_dag(profile, "stream", run, {"stream": dict(params)})
    summary = read_records(profile, run)["stream"]["summary"]
    for batch in summary["batches"]:
        typer.echo(describe(batch, as_json=as_json))
    if not as_json:
        other = "; another process takes this stream in, and this is what it had written" if summary["taken_by_another"] else ""
        typer.echo(f"released as {run}{other}")
    return _refused(summary["batches"])


def _go_on(params: Mapping[str, Any], every_s: int, *, as_json: bool) -> dict[str, str]:
    """Take the stream in until interrupted; return the refused files."""
    from dataclasses import asdict

    from goeswith.erasure.state import require_none_pending
    from goeswith.jobs import JobRun
    from goeswith.leases import hold_lease
    from goeswith.profile import load_profile
    from spark_jobs.streams.job import take_stream

    batches: list[dict[str, Any]] = []

    def show(taken: Any) -> None:
        batches.append(asdict(taken))
        typer.echo(describe(batches[-1], as_json=as_json))

    job = JobRun(profile=load_profile(), run_id=f"stream-{time.strftime('%Y%m%dT%H%M%S')}", params=params)
    with hold_lease("stream", job):
        require_none_pending(job.profile)
        try:
            mine = take_stream(job, show, every_s=every_s)
        except KeyboardInterrupt:
            typer.echo("stopped; gate and release what came: goeswith stream", err=True)
            return _refused(batches)
    if not mine:
        raise ConfigError("another process takes this stream in", "stop it first, or let it go on")
    return _refused(batches)


def _refused(batches: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    return {file: reason for batch in batches for file, reason in batch["refused"].items()}


def describe(batch: Mapping[str, Any], *, as_json: bool) -> str:
    """Return one line on what a micro-batch did."""
    if as_json:
        return json.dumps(batch, sort_keys=True)
    rows = "; ".join(
        f"{table} v{batch['versions'].get(table, '-')}: {n['in']} in, {n['kept']} kept, {n['quarantined']} quarantined, {n['duplicates']} duplicates"
        for table, n in batch["rows"].items()
    )
    return f"batch {batch['batch']}: {rows or 'no rows'}" + (f"; {len(batch['refused'])} files refused" if batch["refused"] else "")
