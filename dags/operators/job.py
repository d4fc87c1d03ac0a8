"""What every operator of a job has, wherever it runs it: the words of its command, and what its end means."""

import json
from collections.abc import Mapping
from typing import Any

from airflow.sdk.exceptions import AirflowException, AirflowFailException

from goeswith.errors import is_final

RUN = "{{ (dag_run.conf or {}).get('run') or run_id }}"
"""The run that a task's job belongs to; operators have it in a template field ``run``."""


class JobCommand:
    """The part of an operator that knows its job. Parameters of the DAG run's conf (``{"params": {task_id: {...}}}``) win."""

    job: str
    job_params: Mapping[str, Any]
    run: str
    task_id: str
    upstream_task_ids: set[str]

    def words(self, context: Any) -> list[str]:
        """Return the words after ``goeswith``: the same ones for every operator."""
        conf = context["dag_run"].conf or {}
        params = {**self.job_params, **conf.get("params", {}).get(self.task_id, {})}
        words = ["job", self.job, "--run", self.run, "--step", self.task_id, "--dag", context["dag_run"].dag_id]
        return [*words, "--versions", json.dumps(upstream_versions(self.upstream_task_ids, context)), "--params", json.dumps(params)]


def upstream_versions(upstream_task_ids: set[str], context: Any) -> dict[str, int]:
    """Return the table versions after the tasks before: what a task that is no job hands on to the jobs behind it."""
    pushed = context["ti"].xcom_pull(task_ids=sorted(upstream_task_ids)) or []
    versions: dict[str, int] = {}
    for upstream in pushed:
        versions |= upstream or {}
    return versions


def failure_of(code: int | None, what: str) -> AirflowException:
    """Return what to raise for a job that ended with an exit code, or without one: a user's mistake is not tried again, all else is."""
    kind = AirflowFailException if code is not None and is_final(code) else AirflowException
    return kind(what)
