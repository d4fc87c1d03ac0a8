"""A training that drift asked for: whether there is one, and the DAG run that it becomes."""

from typing import Any

from airflow.providers.standard.operators.python import ShortCircuitOperator
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import BaseOperator

from dags.operators.job import RUN
from goeswith.drift.history import AskedTraining, asked_training
from goeswith.profile import load_profile

DUE = "is_training_due"


def is_training_due() -> BaseOperator:
    """Return a task that ends the run here unless ``watch_drift`` asked for a training, or somebody without a scheduler runs it himself."""
    return ShortCircuitOperator(task_id=DUE, python_callable=read_training, op_kwargs={"run": RUN})


def start_training() -> BaseOperator:
    """Return a task that starts the DAG ``train`` under the name that was asked for: tried again, it starts no second one."""
    run, reason = (f"{{{{ ti.xcom_pull(task_ids='{DUE}')['{name}'] }}}}" for name in ("run", "reason"))
    conf = AskedTraining(run=run, reason=reason).conf
    return TriggerDagRunOperator(task_id="start_training", trigger_dag_id="train", trigger_run_id=run, conf=conf, skip_when_already_exists=True)


def read_training(run: str, dag_run: Any = None) -> dict[str, str] | None:
    """Return the run and the reason of the training that a run asked for; None where there is none, or no scheduler that would start it."""
    asked = asked_training(load_profile(), run)
    return {"run": asked.run, "reason": asked.reason} if asked and not (dag_run.conf or {}).get("no_scheduler") else None
