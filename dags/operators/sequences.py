"""Sequences of tasks that more than one DAG has, each with the gates that belong to it."""

from airflow.sdk import BaseOperator

from dags.operators import job_task

SOURCES = ("items", "events", "bundles", "declared_relations", "quarantine")


def release_sources() -> list[BaseOperator]:
    """Return what follows on rows that came in, up to their release."""
    return [
        job_task("gate", task_id="gate_sources", params={"tables": list(SOURCES)}),
        job_task("reserve_holdout"),
        job_task("gate", task_id="gate_holdout", params={"tables": ["holdout"]}),
        job_task("release", task_id="release_sources", outlets=("items", "events")),
    ]


def judge_relations() -> list[BaseOperator]:
    """Return the way from counted and pruned pairs to the typed relations."""
    return [
        job_task("judge_edges"),
        job_task("gate", task_id="gate_verdicts", params={"tables": ["pair_scores", "edge_verdicts"]}),
        job_task("build_relations"),
        job_task("gate", task_id="gate_relations", params={"tables": ["relations"]}),
    ]


def evaluate_models() -> list[BaseOperator]:
    """Return the way from released tables to the figures of models that never saw the holdout."""
    return [
        job_task("apply_features"),
        job_task("build_training_set"),
        job_task("gate", task_id="gate_training_set", params={"tables": ["training_sets"]}),
        job_task("train_cirp", task_id="train_cirp_evaluation", params={"graph": "evaluation"}),
        job_task("train_bundles", task_id="train_bundles_evaluation", params={"graph": "evaluation"}),
        job_task("train_mmsc", task_id="train_mmsc_evaluation", params={"graph": "evaluation"}),
        job_task("evaluate_models"),
    ]
