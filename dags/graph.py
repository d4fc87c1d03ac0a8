"""Count pairs, prune and judge them, build the typed relations and mine item sets, each behind its gate, and release the graph."""

from airflow.sdk import DAG, chain

from dags.operators import dag_defaults, job_task, table_asset
from dags.operators.sequences import judge_relations

with DAG("graph", schedule=[table_asset("events")], **dag_defaults(__doc__)) as dag:
    chain(
        job_task("count_pairs"),
        job_task("measure_pairs"),
        job_task("gate", task_id="gate_pairs", params={"tables": ["item_numbers", "pair_ledger", "item_pairs"]}),
        job_task("prune_pairs"),
        *judge_relations(),
        job_task("mine_sets"),
        job_task("gate", task_id="gate_sets", params={"tables": ["item_sets"]}),
        job_task("release", task_id="release_graph", outlets=("relations",)),
    )
