"""Jobs as pods, by Airflow's own operator and trigger against a Kubernetes API on loopback: what is asked for, and what each end of a pod means."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from goeswith.profile import load_profile
from tests.fake_kubernetes import FakeKubernetes, running, serve_kubernetes, succeeded

PODS = {"jobs_image": "jobs:1", "trainer_image": "trainer:1", "claim": "home", "config_maps": ["settings"], "secrets": ["keys"], "poll_s": 0.05}
DONE = json.dumps({"versions": {"items": 3}})


@pytest.fixture(scope="module")
def airflow_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Prepare Airflow once: its database takes seconds."""
    from goeswith.command.airflow_home import prepare_airflow

    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", str(home / "kubeconfig"))
        patch.setenv("GOESWITH_HOME", str(home))
        patch.setenv("GOESWITH_OPERATOR__KIND", "kubernetes")
        patch.setenv("GOESWITH_OPERATOR__PODS", json.dumps(PODS))
        patch.setenv("GOESWITH_OPERATOR__RETRIES", "1")
        patch.setenv("GOESWITH_OPERATOR__RETRY_DELAY_S", "0")
        prepare_airflow(load_profile())
        yield home


@pytest.fixture
def cluster(airflow_home: Path) -> Iterator[FakeKubernetes]:
    with serve_kubernetes(airflow_home / "kubeconfig") as served:
        yield served


def run(dag_id: str, run_id: str = "monday") -> Any:
    from goeswith.command.run import load_dag

    return load_dag(dag_id).test(run_conf={"run": run_id, "params": {}})


def test_a_pod_that_succeeds_is_a_task_whose_versions_go_on_to_the_next(cluster: FakeKubernetes) -> None:
    cluster.plans = [[running(), running(), succeeded(DONE)], [running(), succeeded(DONE)]]
    assert str(run("publish").state) == "success"
    first, second = ([*pod["spec"]["containers"][0]["args"]] for pod in cluster.created)
    assert first == ["job", "materialise", "--run", "monday", "--step", "materialise", "--versions", "{}", "--params", "{}"]
    assert second[second.index("--versions") + 1] == json.dumps({"items": 3})
    assert cluster.pods == {}
