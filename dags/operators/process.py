"""A job as a process on this machine."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowTaskTimeout

from dags.operators.job import RUN, JobCommand, failure_of
from dags.operators.worker import Worker, close_kept_worker, keep_worker
from goeswith.jobs import folder_of
from goeswith.profile import load_profile


class SubprocessJobOperator(JobCommand, BaseOperator):
    """Run ``goeswith job`` in a process beside Airflow's; push the table versions after it for the tasks downstream.

    Spark jobs that one process of Airflow's runs share a worker, so one JVM; any other job has a process of its own.
    """

    template_fields: Sequence[str] = ("run",)

    def __init__(self, *, job: str, job_params: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.job = job
        self.job_params = dict(job_params)
        self.run = RUN

    def execute(self, context: Any) -> dict[str, int]:
        """Return the table versions that downstream tasks read. A failed job fails the task, without a retry for a user's mistake."""
        log = load_profile().runs / self.run / f"{self.task_id}.log"
        try:
            code, printed = self.start(self.words(context), log)
        except AirflowTaskTimeout as late:
            raise AirflowFailException(f"job {self.job} took longer than its deadline, {self.execution_timeout}; its log: {log}") from late
        if code != 0:
            raise failure_of(code, f"job {self.job} failed ({code}); its log: {log}")
        versions: dict[str, int] = json.loads(printed.strip().splitlines()[-1])["versions"]
        return versions

    def on_kill(self) -> None:
        """End the Spark worker with the task that Airflow kills."""
        close_kept_worker()

    def start(self, words: Sequence[str], log: Path) -> tuple[int, str]:
        """Run ``goeswith WORDS`` to its end; return its exit code and what it printed."""
        if folder_of(self.job) == "spark_jobs":
            return keep_worker().run(words, log)
        return run_alone(words, log)


class SparkSubmitJobOperator(SubprocessJobOperator):
    """Run a Spark job by ``goeswith submit``: its driver here, its work on the cluster that the profile names."""

    def start(self, words: Sequence[str], log: Path) -> tuple[int, str]:
        """Run ``goeswith submit`` with the words of ``goeswith job``."""
        return run_alone(["submit", *words[1:]], log)


def run_alone(words: Sequence[str], log: Path) -> tuple[int, str]:
    """Run ``goeswith WORDS`` in a process that ends with it."""
    with Worker() as worker:
        return worker.run(words, log)
