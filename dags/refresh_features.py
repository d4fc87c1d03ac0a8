"""Bring the online store to what is released, and leave the models as they are: prices and stock of an ingest, a store that was emptied."""

from airflow.sdk import DAG

from dags.operators import dag_defaults, job_task, table_asset

with DAG("refresh_features", schedule=[table_asset("items")], **dag_defaults(__doc__)) as dag:
    job_task("materialise")
