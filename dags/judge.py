"""Judge the released graph's edges by the judge, prompt and budget that the profile names now, and release the relations that follow."""

from airflow.sdk import DAG, chain

from dags.operators import dag_defaults, job_task
from dags.operators.sequences import judge_relations

with DAG("judge", schedule=None, **dag_defaults(__doc__)) as dag:
    chain(*judge_relations(), job_task("release", task_id="release_relations", outlets=("relations",)))
