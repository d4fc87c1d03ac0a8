"""Bring what became of answers into the lake, and clicks and purchases on into ``events``: ``stream`` with feedback in the folder's place."""

from airflow.sdk import DAG, chain

from dags.operators import dag_defaults, job_task
from dags.operators.sequences import release_sources

with DAG("feedback", schedule="@daily", **dag_defaults(__doc__)) as dag:
    chain(job_task("take_feedback"), job_task("stream", params={"source": "feedback"}), *release_sources())
