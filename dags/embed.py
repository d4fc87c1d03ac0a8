"""Give the items that came or changed since the last training a vector and their lists, by the released models; gate them and release them."""

from airflow.sdk import DAG, chain

from dags.operators import dag_defaults, job_task

LEARNED = ("item_embeddings", "item_neighbours")

with DAG("embed", schedule=None, **dag_defaults(__doc__)) as dag:
    chain(
        job_task("embed_items"),
        job_task("infer_changed"),
        job_task("gate", task_id="gate_learned", params={"tables": list(LEARNED)}),
        job_task("release", task_id="release_learned", outlets=LEARNED),
    )
