"""Bring what became of answers into the lake, and clicks and purchases on into ``events``: ``stream`` with feedback in the folder's place."""

from airflow.sdk import DAG, chain

from dags.operators import dag_defaults, job_task

SOURCES = ("items", "events", "bundles", "declared_relations", "quarantine")

with DAG("feedback", schedule="@daily", **dag_defaults(__doc__)) as dag:
    chain(
        job_task("take_feedback"),
        job_task("stream", params={"source": "feedback"}),
        job_task("gate", task_id="gate_sources", params={"tables": list(SOURCES)}),
        job_task("reserve_holdout"),
        job_task("gate", task_id="gate_holdout", params={"tables": ["holdout"]}),
        job_task("release", task_id="release_sources", outlets=("items", "events")),
    )
