"""Measure how far the shop is from what the served models were trained on; where a limit is passed, start the DAG ``train``, and say why."""

from airflow.sdk import DAG, chain

from dags.operators import dag_defaults, job_task
from dags.operators.retraining import is_training_due, start_training

with DAG("drift", schedule="@daily", **dag_defaults(__doc__)) as dag:
    chain(job_task("watch_drift"), is_training_due(), start_training())
