"""Ingest a source, gate what came in, reserve the holdout, and release the tables."""

from airflow.sdk import DAG, chain

from dags.operators import dag_defaults, job_task

SOURCES = ("items", "events", "bundles", "declared_relations", "quarantine")

with DAG("ingest", schedule=None, **dag_defaults(__doc__)) as dag:
    chain(
        job_task("ingest"),
        job_task("gate", task_id="gate_sources", params={"tables": list(SOURCES)}),
        job_task("reserve_holdout"),
        job_task("gate", task_id="gate_holdout", params={"tables": ["holdout"]}),
        job_task("release", task_id="release_sources", outlets=("items", "events")),
    )
