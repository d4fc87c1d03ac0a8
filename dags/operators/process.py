"""A job as a process on this machine."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from airflow.exceptions import AirflowFailException
from airflow.sdk import BaseOperator

from goeswith.profile import load_profile

logger = logging.getLogger(__name__)


class SubprocessJobOperator(BaseOperator):
    """Run ``goeswith job`` in a process of its own; push the table versions after it for the tasks downstream."""

    template_fields: Sequence[str] = ("run",)

    def __init__(self, *, job: str, job_params: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.job = job
        self.job_params = dict(job_params)
        self.run = "{{ (dag_run.conf or {}).get('run') or run_id }}"

    def execute(self, context: Any) -> dict[str, int]:
        """Return the table versions that downstream tasks read. A failed job fails the task, without a retry for a user's mistake."""
        conf = context["dag_run"].conf or {}
        params = {**self.job_params, **conf.get("params", {}).get(self.task_id, {})}
        command = [sys.executable, "-m", "goeswith", "--verbose", "job", self.job, "--run", self.run, "--step", self.task_id]
        command += ["--versions", json.dumps(self._versions(context)), "--params", json.dumps(params)]
        versions: dict[str, int] = self._last_line(command)["versions"]
        return versions

    def _versions(self, context: Any) -> dict[str, int]:
        pushed = context["ti"].xcom_pull(task_ids=sorted(self.upstream_task_ids)) or []
        versions: dict[str, int] = {}
        for upstream in pushed:
            versions |= upstream or {}
        return versions

    def _last_line(self, command: list[str]) -> Any:
        log = load_profile().runs / self.run / f"{self.task_id}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.unlink(missing_ok=True)
        with log.open("w", encoding="utf-8") as err:
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=err, text=True, check=False, env=os.environ.copy())  # noqa: S603 - our own command
        if done.returncode != 0:
            raise AirflowFailException(f"job {self.job} failed ({done.returncode}); its log: {log}")
        return json.loads(done.stdout.strip().splitlines()[-1])
