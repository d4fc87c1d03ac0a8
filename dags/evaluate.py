"""Train and judge the models without the holdout, as ``train`` does at first; nothing is fitted on all data, exported or released."""

from airflow.sdk import DAG, chain

from dags.operators import dag_defaults
from dags.operators.sequences import evaluate_models

with DAG("evaluate", schedule=None, **dag_defaults(__doc__)) as dag:
    chain(*evaluate_models())
