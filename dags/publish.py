"""Materialise the released features to the online store, then publish the exported models to Triton."""

from airflow.sdk import DAG, chain

from dags.operators import dag_defaults, job_task, table_asset

with DAG("publish", schedule=[table_asset("item_neighbours")], **dag_defaults(__doc__)) as dag:
    chain(job_task("materialise"), job_task("publish_models"))
