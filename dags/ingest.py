"""Ingest a source, gate what came in, reserve the holdout, and release the tables."""

from airflow.sdk import DAG, chain

from dags.operators import job_task, run_deadline

SOURCES = ("items", "events", "bundles", "declared_relations", "quarantine")

with DAG("ingest", doc_md=__doc__, schedule=None, deadline=run_deadline(), catchup=False, max_active_runs=1, tags=["goeswith"]) as dag:
    chain(
        job_task("ingest"),
        job_task("gate", task_id="gate_sources", params={"tables": list(SOURCES)}),
        job_task("reserve_holdout"),
        job_task("gate", task_id="gate_holdout", params={"tables": ["holdout"]}),
        job_task("release", task_id="release_sources", outlets=("items", "events")),
    )
