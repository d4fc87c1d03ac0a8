"""Give the items that came or changed since the last training a vector, by the released CIRP; gate the vectors and release them."""

from airflow.sdk import DAG, chain

from dags.operators import job_task

with DAG("embed", doc_md=__doc__, schedule=None, catchup=False, max_active_runs=1, tags=["goeswith"]) as dag:
    chain(
        job_task("embed_items"),
        job_task("gate", task_id="gate_embeddings", params={"tables": ["item_embeddings"]}),
        job_task("release", task_id="release_embeddings", outlets=("item_embeddings",)),
    )
