"""Keep every table in shape: small files made large, pairs clustered, versions removed that nobody reads."""

from airflow.sdk import DAG

from dags.operators import dag_defaults, job_task

with DAG("maintenance", schedule="@daily", **dag_defaults(__doc__)) as dag:
    job_task("maintain")
