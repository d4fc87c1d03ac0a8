"""Jobs as pods, by Airflow's own operator and trigger against a Kubernetes API on loopback: what is asked for, and what each end of a pod means."""

import asyncio
import json
import logging
import os
import re
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
import yaml
from jsonschema import Draft7Validator

from goeswith.command.main import call
from goeswith.heartbeat import heartbeat
from goeswith.jobs import JobRun
from goeswith.leases import beat_file, held_lease, hold_lease
from goeswith.profile import PROJECT_ROOT, load_profile
from infra.check.pods import find_breaches
from tests.fake_kubernetes import FakeKubernetes, Pod, failed, lost, running, serve_kubernetes, succeeded

PODS: dict[str, Any] = {
    **{"jobs_image": "jobs:1", "trainer_image": "trainer:1", "claim": "home", "instance": "shop", "poll_s": 0.05},
    **{"config_maps": ["settings"], "secrets": ["keys"], "signing_secret": "signing", "silent_s": 60},
    "gpu": {"node_selector": {"pool": "gpu"}},
}
DONE = json.dumps({"versions": {"items": 3}})
SCHEMA = Draft7Validator(json.loads((PROJECT_ROOT / "infra" / "schemas" / "kubernetes" / "pod-v1.json").read_text(encoding="utf-8")))
LABEL = re.compile(r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$")


@pytest.fixture(scope="module")
def airflow_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Prepare Airflow once: its database takes seconds."""
    from goeswith.command.airflow_home import prepare_airflow, set_airflow_environment

    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", str(home / "kubeconfig"))
        patch.setenv("GOESWITH_HOME", str(home))
        patch.setenv("GOESWITH_OPERATOR__KIND", "kubernetes")
        patch.setenv("GOESWITH_OPERATOR__PODS", json.dumps(PODS))
        patch.setenv("GOESWITH_OPERATOR__DEADLINES_S", '{"maintain": 900}')
        patch.setenv("GOESWITH_OPERATOR__RETRIES", "1")
        patch.setenv("GOESWITH_OPERATOR__RETRY_DELAY_S", "0")
        set_airflow_environment(load_profile(), patch.setenv)  # so that it is taken back
        prepare_airflow(load_profile())
        yield home


@pytest.fixture
def cluster(airflow_home: Path) -> Iterator[FakeKubernetes]:
    with serve_kubernetes(airflow_home / "kubeconfig") as served:
        yield served


def run(dag_id: str) -> Any:
    """Run a DAG and return its run."""
    from goeswith.command.run import load_dag

    return load_dag(dag_id).test(run_conf={"run": "monday", "params": {}})


def operator(job: str = "train_cirp") -> Any:
    """Return the task of a job as a new process of Airflow's would have it."""
    from dags.operators import job_task

    task = job_task(job)
    task.run = "monday"
    return task


def context(task_id: str, run_id: str) -> dict[str, Any]:
    """Return what an operator reads of its task instance."""
    ti = SimpleNamespace(dag_id="train", task_id=task_id, map_index=-1, try_number=1, start_date=None)
    ti.xcom_pull, ti.xcom_push = (lambda **_: [{"items": 2}]), (lambda **_: None)
    return {"ti": ti, "run_id": run_id, "dag_run": SimpleNamespace(conf={}, dag_id="train"), "dag": SimpleNamespace()}


def begin(task: Any, run_id: str = "monday") -> Any:
    """Execute a task until it waits for its pod; return the trigger that waits."""
    from airflow.sdk.exceptions import TaskDeferred

    task.invoke_defer_method = lambda **_: type(task).invoke_defer_method(task)  # without a context no execution_timeout is worked out
    with pytest.raises(TaskDeferred) as deferred:
        task.execute(context(task.task_id, run_id))
    return deferred.value.trigger


def posted(cluster: FakeKubernetes, job: str = "train_cirp", run_id: str = "monday") -> Pod:
    """Return the pod that a job's task asks for."""
    cluster.plans = [[running()]]
    begin(operator(job), run_id)
    return cluster.created[-1]


def test_a_pod_that_succeeds_is_a_task_whose_versions_go_on_to_the_next(cluster: FakeKubernetes) -> None:
    cluster.plans = [[running(), running(), succeeded(DONE)], [running(), succeeded(DONE)]]
    assert str(run("publish").state) == "success"
    first, second = ([*pod["spec"]["containers"][0]["args"]] for pod in cluster.created)
    assert first == ["job", "materialise", "--run", "monday", "--step", "materialise", "--dag", "publish", "--versions", "{}", "--params", "{}"]
    assert second[second.index("--versions") + 1] == json.dumps({"items": 3})
    assert cluster.pods == {}


def test_the_charts_role_allows_what_is_asked_for_and_no_more(cluster: FakeKubernetes) -> None:
    cluster.plans = [[running(), failed(1, "traceback")], [running(), succeeded(DONE)]]
    run("maintenance")
    text = (PROJECT_ROOT / "infra" / "helm" / "goeswith" / "templates" / "accounts.yaml").read_text(encoding="utf-8")
    rules = [yaml.safe_load(line.strip().removeprefix("- ")) for line in text.splitlines() if line.strip().startswith('- {apiGroups: [""]')]
    assert {(verb, resource) for rule in rules for resource in rule["resources"] for verb in rule["verbs"]} == cluster.calls


ENDS = [
    ([[running(), lost("Evicted")], [running(), succeeded(DONE)]], "success"),
    ([[running(), None], [running(), succeeded(DONE)]], "success"),
    ([[running(), failed(1, "traceback")], [running(), succeeded(DONE)]], "success"),
    ([[running(), failed(10, "Triton is away")], [running(), succeeded(DONE)]], "success"),
    ([[running(), succeeded("")], [running(), succeeded(DONE)]], "success"),
    ([[running(), failed(2, "error: no such option")]], "failed"),
    ([[running(), lost("DeadlineExceeded")]], "failed"),
    ([[running(), lost("Evicted")], [running(), lost("Evicted")]], "failed"),
]
NAMES = ["evicted", "gone", "crashed", "may pass", "says nothing", "user's mistake", "deadline", "evicted twice"]


@pytest.mark.parametrize(("plans", "state"), ENDS, ids=NAMES)
def test_what_may_pass_is_tried_again_and_all_else_is_not(cluster: FakeKubernetes, plans: list[Any], state: str) -> None:
    cluster.plans = [*plans]
    assert str(run("maintenance").state) == state
    assert len(cluster.created) == len(plans)
    assert cluster.plans == []
    assert cluster.pods == {}


def test_a_connection_that_is_lost_in_the_middle_changes_nothing(cluster: FakeKubernetes) -> None:
    cluster.plans = [[running(), running(), running(), succeeded(DONE)]]
    cluster.drops = 2
    assert str(run("maintenance").state) == "success"
    assert (len(cluster.created), cluster.drops) == (1, 0)


@pytest.mark.parametrize("job", ["train_cirp", "count_pairs", "publish_models"])
def test_a_pod_is_one_that_kubernetes_and_the_restricted_standard_accept(cluster: FakeKubernetes, job: str) -> None:
    pod = posted(cluster, job)
    assert [error.message for error in SCHEMA.iter_errors(pod)] == []
    assert list(find_breaches(yaml.safe_dump(pod))) == []
    assert pod["spec"]["securityContext"]["runAsUser"] == 10001


def test_training_gets_a_gpu_and_its_image_and_no_other_job_does(cluster: FakeKubernetes) -> None:
    training, counting = posted(cluster, "train_cirp")["spec"], posted(cluster, "count_pairs")["spec"]
    assert training["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert training["containers"][0]["image"] == "trainer:1"
    assert training["nodeSelector"] == {"pool": "gpu"}
    assert training["tolerations"][0]["key"] == "nvidia.com/gpu"
    assert "nvidia.com/gpu" not in json.dumps(counting)
    assert counting["containers"][0]["image"] == "jobs:1"


def test_a_pod_ends_at_its_jobs_deadline(cluster: FakeKubernetes) -> None:
    assert posted(cluster, "maintain")["spec"]["activeDeadlineSeconds"] == 900
    assert posted(cluster, "count_pairs")["spec"]["activeDeadlineSeconds"] == 43_200


def test_secrets_and_the_home_are_named_and_never_given(cluster: FakeKubernetes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOESWITH_USER_HASH_KEY", "hush")
    pod = posted(cluster)
    container, volumes = pod["spec"]["containers"][0], {volume["name"]: volume for volume in pod["spec"]["volumes"]}
    assert container["envFrom"] == [{"configMapRef": {"name": "settings"}}, {"secretRef": {"name": "keys"}}]
    assert volumes["home"]["persistentVolumeClaim"] == {"claimName": "home"}
    assert volumes["signing"]["secret"]["secretName"] == "signing"
    assert "hush" not in json.dumps(pod)


@pytest.mark.parametrize("run_id", ["manual__2026-11-23T10:00:00.123456+00:00", "für Montag / 1", "x" * 200])
def test_labels_are_legal_for_any_run_and_annotations_say_it_in_full(cluster: FakeKubernetes, run_id: str) -> None:
    metadata = posted(cluster, run_id=run_id)["metadata"]
    assert [value for value in metadata["labels"].values() if not LABEL.match(value)] == []
    assert {"dag_id", "task_id", "run_id", "try_number", "goeswith-job"} <= metadata["labels"].keys()
    assert metadata["annotations"]["goeswith/run"] == run_id


def test_a_try_that_is_begun_again_finds_its_pod_and_starts_no_second(cluster: FakeKubernetes) -> None:
    cluster.plans = [[running()]]
    before, after = begin(operator()), begin(operator())
    assert before.pod_name == after.pod_name
    assert len(cluster.created) == 1


def test_the_same_task_of_another_run_has_its_own_pod(cluster: FakeKubernetes) -> None:
    cluster.plans = [[running()], [running()]]
    begin(operator(), "monday")
    begin(operator(), "tuesday")
    assert len(cluster.pods) == 2


def test_who_kills_a_task_deletes_its_pod_whether_it_starts_or_waits(cluster: FakeKubernetes) -> None:
    cluster.plans = [[running()], [running()]]
    starting = operator()
    begin(starting, "monday")
    starting.on_kill()
    waiting = begin(operator(), "tuesday")
    asyncio.run(waiting.on_kill())
    assert cluster.pods == {}
    assert len(cluster.deleted) == 2


def reap(cluster: FakeKubernetes) -> list[str]:
    """Run the reaper; return the pods that it deleted."""
    before = len(cluster.deleted)
    assert str(run("reap").state) == "success"
    return cluster.deleted[before:]


def leave(cluster: FakeKubernetes, run_id: str) -> Pod:
    """Let a pod be there for a task of a run."""
    cluster.plans = [[running()]]
    begin(operator(), run_id)
    return [*cluster.pods.values()][-1]


def leave_for(cluster: FakeKubernetes, state: str) -> Pod:
    """Let a pod be there for a task that Airflow knows to be in this state."""
    cluster.plans = [[running(), succeeded(DONE)]]
    finished = run("maintenance")
    finished.get_task_instance("maintain").set_state(state)
    pod = leave(cluster, finished.run_id)
    pod["metadata"]["annotations"].update({"goeswith/dag": "maintenance", "goeswith/task": "maintain"})
    return pod


def test_a_pod_whose_run_is_gone_is_reaped(cluster: FakeKubernetes) -> None:
    orphan = leave(cluster, "a run that nobody knows")
    assert reap(cluster) == [orphan["metadata"]["name"]]


@pytest.mark.parametrize(("state", "reaped"), [("success", 1), ("failed", 1), ("deferred", 0), ("up_for_retry", 0), (None, 0)])
def test_a_pod_goes_once_its_task_is_over_and_not_before(cluster: FakeKubernetes, state: str, reaped: int) -> None:
    leave_for(cluster, state)
    assert len(reap(cluster)) == reaped


@pytest.mark.parametrize(("silent_s", "reaped"), [(90, 1), (30, 0)])
def test_a_training_that_takes_no_step_any_more_is_reaped(
    cluster: FakeKubernetes, monkeypatch: pytest.MonkeyPatch, silent_s: float, reaped: int
) -> None:
    name = leave_for(cluster, "deferred")["metadata"]["name"]
    monkeypatch.setattr(socket, "gethostname", lambda: name)
    load_profile().runs.mkdir(exist_ok=True)
    with hold_lease("train_cirp", JobRun(profile=load_profile(), run_id="monday")), heartbeat():
        lease = held_lease()
        assert lease is not None
        beaten = beat_file(lease).stat().st_mtime - silent_s
        os.utime(beat_file(lease), (beaten, beaten))
        assert reap(cluster) == [name] * reaped


@pytest.mark.parametrize(("since_s", "reaped"), [(600, 1), (30, 0)])
def test_a_pod_of_a_lost_node_is_reaped_without_waiting_for_that_node(cluster: FakeKubernetes, since_s: int, reaped: int) -> None:
    metadata = leave_for(cluster, "deferred")["metadata"]
    metadata["deletionTimestamp"] = (datetime.now(UTC) - timedelta(seconds=since_s)).isoformat()
    assert reap(cluster) == [metadata["name"]] * reaped
    assert cluster.forced == [metadata["name"]] * reaped
    assert (metadata["labels"].get("already_checked") == "True") == bool(reaped)


def test_without_the_home_pods_of_tasks_that_are_over_are_reaped_all_the_same(
    cluster: FakeKubernetes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    orphan = leave(cluster, "a run that nobody knows")
    monkeypatch.setenv("GOESWITH_HOME", str(tmp_path / "not mounted"))
    assert reap(cluster) == [orphan["metadata"]["name"]]
    assert not (tmp_path / "not mounted").exists()


def test_pods_of_others_are_left_alone(cluster: FakeKubernetes) -> None:
    for label, value in (("goeswith-job", None), ("app.kubernetes.io/instance", "another"), ("app.kubernetes.io/name", "theirs")):
        labels = leave(cluster, f"a run without {label}")["metadata"]["labels"]
        labels.update({label: value}) if value else labels.pop(label)
    leave(cluster, "a run without annotations")["metadata"]["annotations"] = {}
    assert reap(cluster) == []
    assert len(cluster.pods) == 4


def test_pools_have_the_profiles_sizes_and_count_tasks_that_wait_for_their_pod(
    airflow_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from airflow.models.pool import Pool

    monkeypatch.setenv("GOESWITH_OPERATOR__GPU_SLOTS", "3")
    assert call(["pools"]) == 0
    assert "gpu: 3 slots" in capsys.readouterr().out
    assert {name: (pool.slots, pool.include_deferred) for name in ("spark", "gpu") if (pool := Pool.get_pool(name))} == {
        "spark": (1, True),
        "gpu": (3, True),
    }


def test_a_run_that_is_late_is_told_of(airflow_home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    from airflow.api.common.trigger_dag import trigger_dag
    from airflow.models.deadline import Deadline
    from airflow.sdk.execution_time.callback_supervisor import execute_callback
    from airflow.utils.session import create_session
    from airflow.utils.types import DagRunTriggeredByType

    monkeypatch.setenv("GOESWITH_OPERATOR__RUN_DEADLINE_S", "60")
    run("reap")  # Airflow knows a DAG as it was last run
    late = trigger_dag("reap", triggered_by=DagRunTriggeredByType.TEST, run_id="late")
    with create_session() as session:
        (deadline,) = session.query(Deadline).all()
        assert late is not None
        assert late.queued_at is not None
        assert deadline.deadline_time - late.queued_at == timedelta(seconds=60)
        deadline.handle_miss(session)
        told = deadline.callback.data
    caplog.set_level(logging.ERROR)
    assert execute_callback(told["path"], told["kwargs"], Path(), None, structlog.get_logger()) == (True, None)
    assert "run late of DAG reap is late" in caplog.text
