"""Measure how far the shop is from what the served models were trained on; where a limit is passed, start the DAG ``train``, and say why."""

from airflow.sdk import DAG, chain

from dags.operators import job_task, run_deadline
from dags.operators.retraining import is_training_due, start_training

with DAG("drift", doc_md=__doc__, schedule="@daily", deadline=run_deadline(), catchup=False, max_active_runs=1, tags=["goeswith"]) as dag:
    chain(job_task("watch_drift"), is_training_due(), start_training())
