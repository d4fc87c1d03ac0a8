"""Teach a judge that needs no language model by one's stored verdicts (params: teacher) or by people's labels (params: labels)."""

from airflow.sdk import DAG

from dags.operators import dag_defaults, job_task

with DAG("teach_judge", schedule=None, **dag_defaults(__doc__)) as dag:
    job_task("train_judge")
