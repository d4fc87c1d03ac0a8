"""Where a training's figures go while it runs: TensorBoard below its folder, and MLflow where its server is configured.

``MLFLOW_TRACKING_URI`` (and MLflow's other variables) configure it; the package is an extra: ``goeswith[mlflow]``.
"""

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol, Self

from goeswith.errors import EnvironmentMissing

logger = logging.getLogger(__name__)

URI = "MLFLOW_TRACKING_URI"
MOST_PARAM_CHARS = 500
PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
"""Unless the user sets them: by MLflow's own, a server that is away would hold a training up for minutes."""


class Journal(Protocol):
    """Takes down figures of an optimizer step."""

    def write(self, step: int, figures: Mapping[str, float]) -> None:
        """Write figures by name."""


class TensorBoardJournal:
    """Event files, which ``tensorboard --logdir`` shows; a run that goes on after ``step`` takes the place of what was written after it."""

    def __init__(self, folder: Path, step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter  # a second to import

        self._writer = SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1 if step else None)

    def write(self, step: int, figures: Mapping[str, float]) -> None:
        """Write figures by name."""
        for name, value in figures.items():
            self._writer.add_scalar(name, value, step)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()


class MlflowJournal:
    """One run of MLflow, found again by the training's folder and what it depends on. A server that is away loses figures, not the training."""

    def __init__(self, what: str, name: str, params: Mapping[str, Any]) -> None:
        self._client, self._lost = _mlflow().MlflowClient(), False
        with self._forgiving():
            self._run = self._find_run(what, name, params)

    def _find_run(self, what: str, name: str, params: Mapping[str, Any]) -> str:
        known = self._client.get_experiment_by_name(what)
        experiment = known.experiment_id if known else self._client.create_experiment(what)
        found = self._client.search_runs([experiment], f"tags.`mlflow.runName` = '{name}'", max_results=1)
        if found:
            return str(found[0].info.run_id)
        run = str(self._client.create_run(experiment, run_name=name).info.run_id)
        for key, value in params.items():
            self._client.log_param(run, key, str(value)[:MOST_PARAM_CHARS])
        return run

    def write(self, step: int, figures: Mapping[str, float]) -> None:
        """Log figures by name."""
        if not self._lost:
            with self._forgiving():
                for name, value in figures.items():
                    self._client.log_metric(self._run, name, value, step=step)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if not self._lost:
            with self._forgiving():
                self._client.set_terminated(self._run, "FAILED" if kind else "FINISHED")

    @contextmanager
    def _forgiving(self) -> Iterator[None]:
        try:
            yield
        except (_mlflow().exceptions.MlflowException, OSError) as error:
            self._lost = True
            logger.warning("MLflow cannot be written to, this training goes on without it: %s", str(error).splitlines()[0])


@contextmanager
def open_journals(folder: Path, step: int, what: str, name: str, params: Mapping[str, Any]) -> Iterator[list[Journal]]:
    """Open what takes down figures after ``step``. Raises ``EnvironmentMissing`` where MLflow is configured and not installed."""
    with ExitStack() as stack:
        journals: list[Any] = [TensorBoardJournal(folder, step)]
        if os.environ.get(URI):
            os.environ.update({name: value for name, value in PATIENCE.items() if name not in os.environ})
            journals.append(MlflowJournal(what, name, params))
        yield [stack.enter_context(journal) for journal in journals]


def _mlflow() -> Any:
    try:
        import mlflow
    except ImportError as error:
        raise EnvironmentMissing(f"{URI} is set and MLflow is not installed", "install goeswith[mlflow], or unset it") from error
    return mlflow
