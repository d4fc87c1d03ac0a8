"""Delete pods of jobs that nobody waits for any more, or whose training hangs. Where jobs are no pods there is nothing to do."""

from airflow.sdk import DAG

from dags.operators import reaping_task, run_deadline

with DAG("reap", doc_md=__doc__, schedule="*/10 * * * *", deadline=run_deadline(), catchup=False, max_active_runs=1, tags=["goeswith"]) as dag:
    reaping_task()
