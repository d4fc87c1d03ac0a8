"""Ingest a source, gate what came in, reserve the holdout, and release the tables."""

from airflow.sdk import DAG, chain

from dags.operators import dag_defaults, job_task
from dags.operators.sequences import release_sources

with DAG("ingest", schedule=None, **dag_defaults(__doc__)) as dag:
    chain(job_task("ingest"), *release_sources())
