"""A job as a process on this machine."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from dags.operators.worker import Worker, close_kept_worker, keep_worker
from goeswith.jobs import JOBS
from goeswith.profile import load_profile

RUN = "{{ (dag_run.conf or {}).get('run') or run_id }}"
"""The id of a run, as a template: what its conf says, else Airflow's own."""


class SubprocessJobOperator(BaseOperator):
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
        conf = context["dag_run"].conf or {}
        params = {**self.job_params, **conf.get("params", {}).get(self.task_id, {})}
        words = ["job", self.job, "--run", self.run, "--step", self.task_id]
        words += ["--versions", json.dumps(self._versions(context)), "--params", json.dumps(params)]
        versions: dict[str, int] = self._last_line(words)["versions"]
        return versions

    def on_kill(self) -> None:
        """End the Spark worker with the task that Airflow kills."""
        close_kept_worker()

    def _versions(self, context: Any) -> dict[str, int]:
        pushed = context["ti"].xcom_pull(task_ids=sorted(self.upstream_task_ids)) or []
        versions: dict[str, int] = {}
        for upstream in pushed:
            versions |= upstream or {}
        return versions

    def _last_line(self, words: Sequence[str]) -> Any:
        log = load_profile().runs / self.run / f"{self.task_id}.log"
        code, printed = self._do(words, log)
        if code != 0:
            raise AirflowFailException(f"job {self.job} failed ({code}); its log: {log}")
        return json.loads(printed.strip().splitlines()[-1])

    def _do(self, words: Sequence[str], log: Path) -> tuple[int, str]:
        if JOBS[self.job].startswith("spark_jobs."):
            return keep_worker().run(words, log)
        with Worker() as worker:
            return worker.run(words, log)
