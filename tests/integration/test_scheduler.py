"""The whole way under Airflow's own scheduler: assets start DAG after DAG, whatever is killed in the middle, and each thing is done once."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from goeswith import lake
from goeswith.catalogue import TABLES, Layer
from goeswith.command.run import DAGS
from goeswith.ports import free_ports
from goeswith.profile import PROJECT_ROOT, Profile, load_profile
from goeswith.releases import read_releases
from serving.rollout.manifest import read_trusted
from tests.airflow_server import SCHEDULER, AirflowServer, Run, airflow_server, wait_until
from tests.faults.history import read_contents
from tests.faults.processes import SIZED, kill_tree

pytestmark = [pytest.mark.long, pytest.mark.triton, pytest.mark.timeout(5400)]

LIMIT_S = 3600.0
PARAMS = {"ingest": {"source": "synthetic", "options": {"size": 150}}}
TRITON = ("TRITON__GRPC_PORT", "TRITON__HTTP_PORT", "TRITON__METRICS_PORT")
PATIENCE = {"GOESWITH_OPERATOR__RETRIES": "2", "GOESWITH_OPERATOR__RETRY_DELAY_S": "1"}
ORPHANED, KILLED = "prune_pairs", "train_mmsc_evaluation"
"""The task under which the scheduler dies, and the one that is killed itself."""
COUNTED = tuple(name for name, table in TABLES.items() if table.layer in (Layer.SOURCE, Layer.GRAPH) and name != "pair_scores")
"""Tables whose rows say nothing of the run that wrote them."""


@dataclass(frozen=True)
class Chain:
    """What a run of ``ingest`` and all that it set off left behind."""

    profile: Profile
    runs: dict[str, list[Run]]
    tasks: dict[str, dict[str, Run]]


@pytest.fixture(scope="module")
def settings() -> dict[str, str]:
    ports = {f"GOESWITH_{name}": str(port) for name, port in zip(TRITON, free_ports(len(TRITON)), strict=True)}
    return {**SIZED, **PATIENCE, **ports}


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory, settings: dict[str, str]) -> Iterator[Chain]:
    """Start ``ingest``; kill the scheduler during ``graph``, and a task of ``train``; wait for the end of ``publish``."""
    profile = load_profile(overrides={"home": tmp_path_factory.mktemp("scheduled")})
    started = time.monotonic()
    with airflow_server(profile, settings) as airflow:
        airflow.wait_for_dags(*DAGS)
        airflow.unpause(*DAGS)
        airflow.trigger("ingest", {"params": PARAMS})
        await_state(airflow, "graph", ORPHANED, "running")
        airflow.kill(SCHEDULER)
        airflow.start(SCHEDULER)
        kill_tree(await_state(airflow, "train", KILLED, "running")["pid"], only_root=False)
        await_state(airflow, "publish", "publish_models", "success")
        wait_until(lambda: all(run["state"] == "success" for run in airflow.runs("publish")), "publish has ended", LIMIT_S)
        print(f"the chain took {time.monotonic() - started:.0f} s")  # noqa: T201 - shown by pytest -s
        yield Chain(profile, {dag: airflow.runs(dag) for dag in DAGS}, {dag: airflow.tasks(dag) for dag in DAGS})


def await_state(airflow: AirflowServer, dag_id: str, task_id: str, state: str) -> Run:
    """Return the task as soon as it is in a state. Raises ``AssertionError`` where a run failed, or none comes."""
    found: Run = {}

    def holds() -> bool:
        failed = [run["dag_run_id"] for dag in DAGS for run in airflow.runs(dag) if run["state"] == "failed"]
        assert not failed, f"runs failed: {failed}"
        found.update(airflow.tasks(dag_id).get(task_id, {}))
        return found.get("state") == state

    wait_until(holds, f"{dag_id}.{task_id} is {state}", LIMIT_S)
    return found


def test_every_dag_ran_once_and_ended_well(chain: Chain) -> None:
    assert {dag: [run["state"] for run in runs] for dag, runs in chain.runs.items()} == {dag: ["success"] for dag in DAGS}


def test_each_run_but_the_first_was_started_by_an_asset(chain: Chain) -> None:
    assert [chain.runs[dag][0]["run_type"] for dag in DAGS] == ["manual", *["asset_triggered"] * (len(DAGS) - 1)]


def test_what_was_killed_was_tried_again_and_nothing_else(chain: Chain) -> None:
    tries = {task["task_id"]: task["try_number"] for tasks in chain.tasks.values() for task in tasks.values()}
    assert tries[KILLED] == 2
    assert {task for task, number in tries.items() if number > 1} <= {ORPHANED, KILLED}


def test_each_dag_released_once_under_its_own_name(chain: Chain) -> None:
    releasing = [chain.runs[dag][0]["dag_run_id"] for dag in ("ingest", "graph", "train")]
    assert [release.name for release in read_releases(chain.profile)] == releasing


def test_one_model_version_is_served_that_of_the_one_training(chain: Chain) -> None:
    published = read_trusted(chain.profile)
    assert published is not None
    assert (published.current.version, published.current.run) == (1, chain.runs["train"][0]["dag_run_id"])
    assert len(list(chain.profile.models.glob("*/export"))) == 1


def test_no_key_stands_twice_in_any_table(chain: Chain) -> None:
    for name in (name for name in TABLES if lake.current_version(chain.profile, name) is not None):
        keys = lake.read_table(chain.profile, name, columns=TABLES[name].key).to_pylist()
        assert max(Counter(tuple(key.values()) for key in keys).values(), default=1) == 1, name


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, settings: dict[str, str]) -> Profile:
    """Run the part that counts in one process, with nothing killed."""
    profile = load_profile(overrides={"home": tmp_path_factory.mktemp("undisturbed")})
    environment = {**os.environ, **settings, "GOESWITH_HOME": str(profile.root)}
    for dag in ("ingest", "graph"):
        words = ["run", dag, "--run", "undisturbed", "--params", json.dumps(PARAMS)]
        subprocess.run([sys.executable, "-m", "goeswith", *words], env=environment, cwd=PROJECT_ROOT, check=True, capture_output=True)
    return profile


def test_tables_hold_what_an_undisturbed_run_writes(chain: Chain, undisturbed: Profile) -> None:
    found, expected = (read_contents(Path(profile.root)) for profile in (chain.profile, undisturbed))
    for name in COUNTED:
        assert found.get(name) == expected.get(name), name


def test_tables_were_committed_to_as_often_as_by_an_undisturbed_run(chain: Chain, undisturbed: Profile) -> None:
    assert commits(chain.profile) == commits(undisturbed)


def commits(profile: Profile) -> dict[str, list[Any]]:
    """Return by counted table the operations that changed its rows, oldest first."""
    there = [name for name in COUNTED if lake.current_version(profile, name) is not None]
    history = {name: reversed(lake.open_table(profile, name).history()) for name in there}
    return {name: [commit["operation"] for commit in told if commit["operation"] not in lake.UPKEEP] for name, told in history.items()}
