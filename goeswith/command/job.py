"""``goeswith job``: one job, the same in every profile; what a DAG's task runs."""

import json
import logging
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from goeswith.errors import ConfigError, GoeswithError

logger = logging.getLogger(__name__)


def job(
    name: Annotated[str, typer.Argument(help="The job, for example ingest or train_cirp.")],
    run: Annotated[str, typer.Option(help="The run that this belongs to; the same one twice changes nothing.")],
    versions: Annotated[str, typer.Option(help="JSON: table versions to read; {} takes the newest release.")] = "{}",
    params: Annotated[str, typer.Option(help="JSON: the job's parameters.")] = "{}",
    step: Annotated[str, typer.Option(help="Name of this step in the run's records (the job's name).")] = "",
    dag: Annotated[str, typer.Option(help="The DAG that the run is of, for lineage; none by hand.")] = "",
) -> None:
    """Run one job; its last line on standard output is JSON: the table versions after it, and a summary.

    Example: goeswith job count_pairs --run monday --params '{"max_basket": 60}'
    """
    from goeswith.jobs import JobRun
    from goeswith.logs import log_as_json, log_context
    from goeswith.profile import load_profile
    from goeswith.releases import released_versions

    profile = load_profile()
    if profile.logs == "json":
        log_as_json()
    pinned = read_option("--versions", versions) or released_versions(profile)
    job_run = JobRun(profile=profile, run_id=run, versions=pinned, params=read_option("--params", params))
    with log_context(run=run, step=step or name, job=name):
        sys.stdout.write(_do(name, step or name, job_run, dag) + "\n")


def read_option(option: str, text: str) -> dict[str, Any]:
    """Return the JSON object that an option holds. Raises ``ConfigError`` that names the option."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{option} is no JSON: {error}", f"for example {option} '{{}}'") from error
    if not isinstance(value, dict):
        raise ConfigError(f"{option} is no JSON object", f"for example {option} '{{}}'")
    return value


def _do(name: str, step: str, job_run: Any, dag: str = "") -> str:
    from goeswith import records
    from goeswith.faults import explain_faults
    from goeswith.jobs import JobResult, require_job
    from goeswith.leases import await_step, await_turn, hold_lease
    from goeswith.lineage.following import follow

    require_job(name)
    with (
        explain_faults(job_run.profile, f"job {name}"),
        hold_lease(name, job_run),
        await_step(step, job_run),
        await_turn(name, job_run),
        follow(name, step, dag, job_run) as tell,
    ):
        done = records.find_record(name, step, job_run) or _do_now(name, step, job_run)
        tell(done)
    result = JobResult(versions={**job_run.versions, **done.versions}, summary=done.summary)
    _leave_versions(job_run.profile.operator.result_file, result)
    return result.to_json()


def _leave_versions(path: Path | None, result: Any) -> None:
    """Write what tasks downstream read to where a pod's status takes it from: a few thousand bytes, so without the summary.

    The file is a mount of its own: nothing can be renamed onto it.
    """
    if path is not None:
        path.write_text(json.dumps({"versions": dict(result.versions)}, separators=(",", ":")), encoding="utf-8")


def _do_now(name: str, step: str, job_run: Any) -> Any:
    """Do the job, and record what it did or why it failed."""
    from goeswith import records
    from goeswith.erasure.state import require_none_pending
    from goeswith.faults import explain_faults
    from goeswith.jobs import load_job
    from goeswith.usage import start_usage

    used = start_usage(name)
    try:
        require_none_pending(job_run.profile)
        with explain_faults(job_run.profile, f"job {name}"):
            result = load_job(name).run(job_run)
    except GoeswithError as error:
        _write_failure(job_run, name, step, error)
        raise
    records.failure_path(job_run.profile, job_run.run_id, step).unlink(missing_ok=True)
    if not (result.summary.get("unchanged") and records.record_path(job_run.profile, job_run.run_id, step).exists()):
        taken = used()
        records.write_record(name, step, job_run, result, taken)
        logger.info("step done", extra={"fields": taken.to_json()})
    return result


def _write_failure(job_run: Any, name: str, step: str, error: GoeswithError) -> None:
    from goeswith.records import failure_path
    from goeswith.results import write_json

    failure = {"job": name, "kind": type(error).__name__, "what": error.what, "remedy": error.remedy}
    write_json(failure_path(job_run.profile, job_run.run_id, step), failure)
    logger.error("step failed: %s", error.what, extra={"fields": {"kind": failure["kind"], "remedy": error.remedy}})
