"""DAG files are wiring: quick to parse, complete, and in the order that keeps a gate between writer and reader."""

import itertools
import subprocess
import sys
from typing import Any

import pytest

from dags.operators.process import SubprocessJobOperator
from goeswith.command.run import DAGS, OTHER_DAGS, load_dag
from goeswith.errors import ConfigError
from goeswith.jobs import JOBS
from goeswith.profile import PROJECT_ROOT

BY_HAND = {"register_tables"}
"""Jobs that no DAG runs: only some deployments have a metastore."""


@pytest.fixture(scope="module")
def dags(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    from goeswith.command.airflow_home import set_airflow_environment
    from goeswith.profile import load_profile

    with pytest.MonkeyPatch.context() as patch:
        set_airflow_environment(load_profile(overrides={"home": tmp_path_factory.mktemp("home")}), patch.setenv)
        return {name: load_dag(name) for name in (*DAGS, *OTHER_DAGS)}


def order(dag: Any) -> list[str]:
    return [task.task_id for task in dag.topological_sort()]


def test_every_task_runs_a_job_that_exists(dags: dict[str, Any]) -> None:
    assert {task.job for dag in dags.values() for task in dag.tasks if isinstance(task, SubprocessJobOperator)} == set(JOBS) - BY_HAND


@pytest.mark.parametrize(
    ("dag_id", "writer", "gate", "reader"),
    [
        ("ingest", "ingest", "gate_sources", "reserve_holdout"),
        ("stream", "stream", "gate_sources", "reserve_holdout"),
        ("feedback", "stream", "gate_sources", "reserve_holdout"),
        ("graph", "measure_pairs", "gate_pairs", "prune_pairs"),
        ("graph", "judge_edges", "gate_verdicts", "build_relations"),
        ("graph", "build_relations", "gate_relations", "release_graph"),
        ("graph", "mine_sets", "gate_sets", "release_graph"),
        ("judge", "judge_edges", "gate_verdicts", "build_relations"),
        ("judge", "build_relations", "gate_relations", "release_relations"),
        ("evaluate", "build_training_set", "gate_training_set", "train_cirp_evaluation"),
        ("train", "build_training_set", "gate_training_set", "train_cirp_evaluation"),
        ("train", "embed_items", "gate_learned", "release_models"),
        ("train", "infer", "gate_learned", "release_models"),
        ("embed", "embed_items", "gate_learned", "release_learned"),
        ("embed", "infer_changed", "gate_learned", "release_learned"),
    ],
)
def test_a_gate_stands_between_writer_and_reader(dags: dict[str, Any], dag_id: str, writer: str, gate: str, reader: str) -> None:
    steps = order(dags[dag_id])
    assert steps.index(writer) < steps.index(gate) < steps.index(reader)


def test_models_are_measured_before_they_are_fitted_on_all_data(dags: dict[str, Any]) -> None:
    steps = order(dags["train"])
    assert steps.index("evaluate_models") < steps.index("train_cirp_full")


def test_nothing_of_a_training_is_released_before_it_was_compared_and_decided_about(dags: dict[str, Any]) -> None:
    wanted = [
        "evaluate_models",
        "compare_models",
        "is_no_worse",
        "train_cirp_full",
        "export_models",
        "decide_promotion",
        "may_go_live",
        "embed_items",
    ]
    steps = order(dags["train"])
    assert [step for step in steps if step in wanted] == wanted
    assert steps[-1] == "release_models"


def test_each_dag_follows_the_assets_of_the_one_before(dags: dict[str, Any]) -> None:
    outlets = {dag_id: {asset.name for task in dag.tasks for asset in task.outlets} for dag_id, dag in dags.items()}
    for before, after in itertools.pairwise(DAGS):
        assert {asset.name for asset in dags[after].timetable.asset_condition.objects} <= outlets[before]


def test_a_dag_file_imports_nothing_heavy() -> None:
    """Airflow parses each file again and again, in a process that has its SDK already: what ours adds takes .2 to .35 s of a processor."""
    heavy = (
        "torch",
        "pyspark",
        "feast",
        "great_expectations",
        "transformers",
        "pandas",
        "scipy",
        "sklearn",
        "onnxruntime",
        "tritonclient",
        "kubernetes",
    )
    files = ", ".join(f"dags.{name}" for name in (*DAGS, *OTHER_DAGS))
    code = f"import sys, {files}; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PROJECT_ROOT)
    assert done.stdout.strip().splitlines()[-1] == "[]"


def test_an_unknown_dag_lists_those_there_are(dags: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="ingest, graph, train, publish"):
        load_dag("nonsense")
