"""Give the items that came or changed since the last training a vector and their lists, by the released models; gate them and release them."""

from airflow.sdk import DAG, chain

from dags.operators import job_task, run_deadline

LEARNED = ("item_embeddings", "item_neighbours")

with DAG("embed", doc_md=__doc__, schedule=None, deadline=run_deadline(), catchup=False, max_active_runs=1, tags=["goeswith"]) as dag:
    chain(
        job_task("embed_items"),
        job_task("infer_changed"),
        job_task("gate", task_id="gate_learned", params={"tables": list(LEARNED)}),
        job_task("release", task_id="release_learned", outlets=LEARNED),
    )
