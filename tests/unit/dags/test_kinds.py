"""Which operator a profile gives a job, how patient it is, and what is said where something of it is missing."""

import json
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowTaskTimeout

from goeswith.command.airflow_home import set_airflow_environment
from goeswith.errors import ConfigError, GoeswithError, is_final
from goeswith.profile import load_profile


@pytest.fixture(autouse=True)
def _airflow_is_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_airflow_environment(load_profile(overrides={"home": tmp_path}), monkeypatch.setenv)


def task(job: str, **settings: str) -> Any:
    """Return the task of a job under ``GOESWITH_OPERATOR__*`` settings."""
    from dags.operators import job_task

    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(f"GOESWITH_OPERATOR__{name.upper()}", value)
        return job_task(job)


@pytest.mark.parametrize(
    ("kind", "job", "operator"),
    [
        ("subprocess", "count_pairs", "SubprocessJobOperator"),
        ("spark-submit", "count_pairs", "SparkSubmitJobOperator"),
        ("spark-submit", "train_cirp", "SubprocessJobOperator"),
        ("databricks", "train_cirp", "SubprocessJobOperator"),
    ],
)
def test_the_profile_says_which_operator_a_job_gets(kind: str, job: str, operator: str) -> None:
    assert type(task(job, kind=kind)).__name__ == operator


def test_spark_jobs_and_training_take_slots_of_their_own_pools() -> None:
    assert [task(job).pool for job in ("count_pairs", "train_cirp", "release")] == ["spark", "gpu", "default_pool"]


def test_patience_is_the_profiles() -> None:
    patient = task("ingest", retries="3", retry_delay_s="10", retry_delay_max_s="40", deadlines_s='{"ingest": 7}')
    assert (patient.retries, patient.retry_delay, patient.max_retry_delay) == (3, timedelta(seconds=10), timedelta(seconds=40))
    assert patient.retry_exponential_backoff == 2
    assert patient.execution_timeout == timedelta(seconds=7)
    assert task("release", deadline_s="60").execution_timeout == timedelta(minutes=1)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"kind": "kubernetes"}, "operator.pods.jobs_image"),
        ({"kind": "databricks"}, "operator.databricks.application"),
        ({"deadlines_s": '{"ingets": 7}'}, "'ingets'"),
    ],
)
def test_what_is_missing_or_misspelt_is_named(settings: dict[str, str], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        task("count_pairs", **settings)


PODS = json.dumps({"jobs_image": "j:1", "trainer_image": "t:1", "claim": "home"})


@pytest.mark.parametrize(
    ("settings", "module", "package"),
    [
        ({"kind": "kubernetes", "pods": PODS}, "dags.operators.pod", "goeswith[kubernetes]"),
        ({"kind": "databricks", "databricks": '{"application": "a", "cluster": "c"}'}, "dags.operators.databricks", "providers-databricks"),
    ],
)
def test_a_provider_that_is_not_installed_is_named(settings: dict[str, str], module: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigError) as told:
        task("count_pairs", **settings)
    assert package in told.value.remedy


@pytest.fixture
def databricks(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Stand in for a provider that is none of our dependencies; yield what it would submit."""
    from airflow.sdk import BaseOperator

    submitted: list[Any] = []

    class DatabricksSubmitRunOperator(BaseOperator):
        template_fields = ("json",)

        def __init__(self, *, databricks_conn_id: str, json: Any, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.connection, self.json, self.run_id = databricks_conn_id, json, 7

        def execute(self, context: Any) -> None:
            submitted.append((self.connection, self.json, context["ti"].try_number))

        @property
        def _hook(self) -> Any:
            return SimpleNamespace(get_run_output=lambda _: {"logs": 'a line\n{"versions": {"item_pairs": 4}}\n'})

    stand_in = ModuleType("airflow.providers.databricks.operators.databricks")
    stand_in.DatabricksSubmitRunOperator = DatabricksSubmitRunOperator  # type: ignore[attr-defined]  # that is what the module is made for
    for name in ("airflow.providers.databricks", "airflow.providers.databricks.operators"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, stand_in.__name__, stand_in)
    yield submitted
    sys.modules.pop("dags.operators.databricks", None)


def test_a_job_on_databricks_has_the_words_of_every_other(databricks: list[Any]) -> None:
    job = task("count_pairs", kind="databricks", databricks='{"application": "/Repos/job.py", "cluster": "c-1"}')
    job.run = "monday"
    ti = SimpleNamespace(try_number=1, xcom_pull=lambda **_: [{"events": 2}])
    assert job.execute({"ti": ti, "dag_run": SimpleNamespace(conf={}, dag_id="graph")}) == {"item_pairs": 4}
    ((connection, order, _),) = databricks
    assert connection == "databricks_default"
    assert order["existing_cluster_id"] == "c-1"
    words = ["count_pairs", "--run", "monday", "--step", "count_pairs", "--dag", "graph", "--versions", '{"events": 2}', "--params", "{}"]
    assert order["spark_python_task"] == {"python_file": "/Repos/job.py", "parameters": words}


def test_a_job_by_spark_submit_is_handed_to_that_command(tmp_path: Path) -> None:
    code, _ = task("count_pairs", kind="spark-submit").start(["job", "train_cirp", "--run", "r"], tmp_path / "submit.log")
    assert code == 2
    assert "goeswith job train_cirp" in (tmp_path / "submit.log").read_text(encoding="utf-8")


def test_a_users_mistake_is_final_and_what_may_pass_is_not() -> None:
    codes = {kind.exit_code: kind for kind in GoeswithError.__subclasses__()}
    assert len(codes) == len(GoeswithError.__subclasses__())
    assert {code for code in codes if not is_final(code)} == {10, 16, 17, 18}
    assert not any(map(is_final, (0, 1, -9, 137, 143)))


def ended(code: int, printed: str = "") -> Any:
    """Return the task of a process that ended so, after its execution."""
    job = task("release")
    job.run, job.start = "monday", lambda *_: (code, printed)
    return job.execute({"ti": SimpleNamespace(xcom_pull=lambda **_: None), "dag_run": SimpleNamespace(conf={}, dag_id="graph")})


def test_a_process_returns_its_versions_and_its_end_says_whether_to_try_again() -> None:
    assert ended(0, 'a line\n{"versions": {"items": 3}, "summary": {}}\n') == {"items": 3}
    with pytest.raises(AirflowFailException, match=r"failed \(2\)"):
        ended(2)
    for code in (1, 16, -9):
        with pytest.raises(AirflowException) as crashed:
            ended(code)
        assert not isinstance(crashed.value, AirflowFailException)


def test_a_process_that_took_too_long_is_not_tried_again() -> None:
    def work(*_: Any) -> Any:
        raise AirflowTaskTimeout

    job = task("release", deadline_s="7")
    job.run, job.start = "monday", work
    with pytest.raises(AirflowFailException, match=r"its deadline, 0:00:07"):
        job.execute({"ti": SimpleNamespace(xcom_pull=lambda **_: None), "dag_run": SimpleNamespace(conf={}, dag_id="graph")})
