"""Take in what a stream brought, gate it, reserve the holdout, and release the tables: ``ingest`` with a stream in the source's place."""

from airflow.sdk import DAG, chain

from dags.operators import job_task, run_deadline

SOURCES = ("items", "events", "bundles", "declared_relations", "quarantine")

with DAG("stream", doc_md=__doc__, schedule=None, deadline=run_deadline(), catchup=False, max_active_runs=1, tags=["goeswith"]) as dag:
    chain(
        job_task("stream"),
        job_task("gate", task_id="gate_sources", params={"tables": list(SOURCES)}),
        job_task("reserve_holdout"),
        job_task("gate", task_id="gate_holdout", params={"tables": ["holdout"]}),
        job_task("release", task_id="release_sources", outlets=("items", "events")),
    )
