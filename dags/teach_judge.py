"""Teach a judge that needs no language model by one's stored verdicts (params: teacher) or by people's labels (params: labels)."""

from airflow.sdk import DAG

from dags.operators import job_task

with DAG("teach_judge", doc_md=__doc__, schedule=None, catchup=False, max_active_runs=1, tags=["goeswith"]) as dag:
    job_task("train_judge")
