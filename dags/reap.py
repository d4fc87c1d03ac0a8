"""Delete pods of jobs that nobody waits for any more, or whose training hangs. Where jobs are no pods there is nothing to do."""

from airflow.sdk import DAG

from dags.operators import dag_defaults, reaping_task

with DAG("reap", schedule="*/10 * * * *", **dag_defaults(__doc__)) as dag:
    reaping_task()
