"""Take in what a stream brought, gate it, reserve the holdout, and release the tables: ``ingest`` with a stream in the source's place."""

from airflow.sdk import DAG, chain

from dags.operators import dag_defaults, job_task
from dags.operators.sequences import release_sources

with DAG("stream", schedule=None, **dag_defaults(__doc__)) as dag:
    chain(job_task("stream"), *release_sources())
