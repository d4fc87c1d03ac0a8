"""A Spark job on Databricks, by its own provider: thin, and only where that is installed."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from airflow.providers.databricks.operators.databricks import DatabricksSubmitRunOperator

from dags.operators.job import RUN, JobCommand
from goeswith.settings import DatabricksSettings


class DatabricksJobOperator(JobCommand, DatabricksSubmitRunOperator):  # type: ignore[misc]  # its provider is none of our dependencies
    """Run ``infra/spark/job.py`` with the words of ``goeswith job`` as one Python task on a cluster that is there."""

    template_fields: Sequence[str] = (*DatabricksSubmitRunOperator.template_fields, "run")

    def __init__(self, *, job: str, job_params: Mapping[str, Any], databricks: DatabricksSettings, **kwargs: Any) -> None:
        super().__init__(databricks_conn_id=databricks.connection, json={}, **kwargs)
        self.databricks = databricks
        self.job = job
        self.job_params = dict(job_params)
        self.run = RUN

    def execute(self, context: Any) -> dict[str, int]:
        """Return the table versions after the job, from the last line that it printed."""
        task = {"python_file": self.databricks.application, "parameters": self.words(context)[1:]}
        self.json = {"run_name": self.task_id, "existing_cluster_id": self.databricks.cluster, "spark_python_task": task}
        super().execute(context)
        printed: str = self._hook.get_run_output(self.run_id)["logs"]
        versions: dict[str, int] = json.loads(printed.strip().splitlines()[-1])["versions"]
        return versions
