"""Materialise the released features to the online store, then publish the exported models to Triton."""

from airflow.sdk import DAG, chain

from dags.operators import job_task, run_deadline, table_asset

with DAG(
    "publish", doc_md=__doc__, schedule=[table_asset("item_neighbours")], deadline=run_deadline(), catchup=False, max_active_runs=1, tags=["goeswith"]
) as dag:
    chain(job_task("materialise"), job_task("publish_models"))
