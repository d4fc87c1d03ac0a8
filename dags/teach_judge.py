"""Teach a judge that needs no language model by one's stored verdicts (params: teacher) or by people's labels (params: labels)."""

from airflow.sdk import DAG

from dags.operators import job_task, run_deadline

with DAG("teach_judge", doc_md=__doc__, schedule=None, deadline=run_deadline(), catchup=False, max_active_runs=1, tags=["goeswith"]) as dag:
    job_task("train_judge")
