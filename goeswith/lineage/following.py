"""Tell OpenLineage of each job, where it is configured: by its own variables, or by its own file. Elsewhere this does nothing and imports nothing."""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goeswith.errors import ConfigError, EnvironmentMissing
from goeswith.jobs import JobResult, JobRun
from goeswith.lineage.refs import inputs_of, outputs_of

if TYPE_CHECKING:
    from openlineage.client import OpenLineageClient

logger = logging.getLogger(__name__)

VARIABLES = ("OPENLINEAGE_URL", "OPENLINEAGE_CONFIG", "OPENLINEAGE__TRANSPORT")
FILES = (Path("openlineage.yml"), Path("~/.openlineage/openlineage.yml"))
NAMESPACE = "OPENLINEAGE_NAMESPACE"

Tell = Callable[[JobResult], None]


@contextmanager
def follow(name: str, step: str, dag: str, job: JobRun) -> Iterator[Tell]:
    """Tell of a job's start, and of its failure; the block calls what this yields with the job's result, and so tells of its end.

    Raises ``EnvironmentMissing`` where OpenLineage is configured and its client is not installed.
    """
    if not is_configured():
        yield _ignore
        return
    told = _Told(name, step, dag, job)
    told.start()
    try:
        yield told.complete
    except BaseException as error:
        told.fail(error)
        raise


def is_configured() -> bool:
    """Return whether somebody wants lineage: a variable, or the file, that OpenLineage's client itself looks for."""
    if os.environ.get("OPENLINEAGE_DISABLED", "").lower() == "true":
        return False
    named = any(variable.startswith(VARIABLES) for variable in os.environ)
    return named or any(file.expanduser().is_file() for file in FILES)


def _ignore(_result: JobResult) -> None:
    """Nobody wants to know."""


class _Told:
    """One run of a job as OpenLineage hears of it. A second try is a run of its own, under the same parent."""

    def __init__(self, name: str, step: str, dag: str, job: JobRun) -> None:
        client = _open_client()
        from openlineage.client.event_v2 import Job
        from openlineage.client.uuid import generate_new_uuid

        from goeswith.lineage import events

        namespace = os.environ.get(NAMESPACE, events.PRODUCER)
        parent: dict[str, Any] = {"parent": events.build_parent(namespace, dag, job.run_id)} if dag else {}
        self._client, self._events, self._name, self._job = client, events, name, job
        self._as_job = Job(namespace=namespace, name=f"{dag}.{step}" if dag else step)
        self._id, self._facets = str(generate_new_uuid()), parent

    def start(self) -> None:
        self._emit("START")

    def complete(self, result: JobResult) -> None:
        profile = self._job.profile
        inputs = [self._events.build_input(profile, ref) for ref in inputs_of(self._name, self._job, result)]
        outputs = [self._events.build_output(profile, ref) for ref in outputs_of(self._name, self._job, result)]
        self._emit("COMPLETE", inputs, outputs)

    def fail(self, error: BaseException) -> None:
        self._facets["errorMessage"] = self._events.build_failure(error)
        self._emit("FAIL")

    def _emit(self, state: str, *datasets: list[Any]) -> None:
        """Hand on an event. A lineage server that is away holds up no job: what it missed stands in the log."""
        from openlineage.client.event_v2 import Run, RunState

        run = Run(runId=self._id, facets=self._facets)
        try:
            self._client.emit(self._events.build_event(RunState(state), self._as_job, run, *datasets))
        except (OSError, RuntimeError) as error:  # of the transports: requests' errors are OSErrors, RuntimeError is a composite's
            logger.warning("OpenLineage missed %s of job %s in run %s: %s", state, self._name, self._job.run_id, error)


def _open_client() -> "OpenLineageClient":
    if find_spec("openlineage") is None:
        what = "OpenLineage is configured, and its client is not installed"
        raise EnvironmentMissing(what, "install goeswith[openlineage], or set OPENLINEAGE_DISABLED=true")
    from openlineage.client import OpenLineageClient

    try:
        return OpenLineageClient()
    except (KeyError, RuntimeError, TypeError, ValueError) as error:
        remedy = "mend openlineage.yml or its variables, or set OPENLINEAGE_DISABLED=true"
        raise ConfigError(f"OpenLineage's configuration: {error}", remedy) from error
