"""Train both models without the holdout, compare them with baselines and with what is served, fit the better on all data, export and release."""

from airflow.sdk import DAG, chain

from dags.operators import dag_defaults, job_task, table_asset
from dags.operators.promotion import is_no_worse, may_go_live
from dags.operators.sequences import evaluate_models

LEARNED = ("item_embeddings", "item_neighbours")

with DAG("train", schedule=[table_asset("relations")], **dag_defaults(__doc__)) as dag:
    chain(
        *evaluate_models(),
        job_task("compare_models"),
        is_no_worse(),
        job_task("train_cirp", task_id="train_cirp_full", params={"graph": "full"}),
        job_task("train_bundles", task_id="train_bundles_full", params={"graph": "full"}),
        job_task("train_mmsc", task_id="train_mmsc_full", params={"graph": "full"}),
        job_task("export_models"),
        job_task("decide_promotion"),
        may_go_live(),
        job_task("embed_items"),
        job_task("infer"),
        job_task("gate", task_id="gate_learned", params={"tables": list(LEARNED)}),
        job_task("release", task_id="release_models", outlets=LEARNED),
    )
