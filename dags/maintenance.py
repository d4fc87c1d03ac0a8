"""Keep every table in shape: small files made large, pairs clustered, versions removed that nobody reads."""

from airflow.sdk import DAG

from dags.operators import job_task, run_deadline

with DAG("maintenance", doc_md=__doc__, schedule="@daily", deadline=run_deadline(), catchup=False, max_active_runs=1, tags=["goeswith"]) as dag:
    job_task("maintain")
