"""The DAG ``drift`` by Airflow itself: it starts a training once, with the reason, and none where nobody would run it."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from goeswith.profile import PROJECT_ROOT, Profile
from tests.unit.goeswith.drift import shop

TELL = """
import json
from goeswith.command.airflow_home import prepare_airflow
from goeswith.command.run import load_dag
from goeswith.profile import load_profile
prepare_airflow(load_profile())
from airflow.models import DagRun
from airflow.utils.session import create_session
from sqlalchemy import select
told = {"tasks": []}
for conf in ({"run": "monday", "no_scheduler": True}, {"run": "monday"}, {"run": "monday"}):
    done = load_dag("drift").test(run_conf=conf)
    told["tasks"].append({task.task_id: str(task.state) for task in done.get_task_instances()})
with create_session() as session:
    told["trainings"] = [run.conf for run in session.scalars(select(DagRun).where(DagRun.dag_id == "train"))]
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what three runs of the DAG under one name did, on a lake whose prices doubled: one without a scheduler, two with it."""
    from goeswith.profile import load_profile

    profile = load_profile(overrides={"home": tmp_path_factory.mktemp("home")})
    _write_shift(profile)
    environment = {**os.environ, "GOESWITH_HOME": str(profile.home)}
    done = subprocess.run([sys.executable, "-c", TELL], capture_output=True, text=True, check=True, cwd=PROJECT_ROOT, env=environment)
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def _write_shift(profile: Profile) -> None:
    items = shop.item_rows()
    shop.release(profile, shop.TRAINED, items=items)
    shop.serve(profile)
    shop.release(profile, "today", items=shop.changed(items, lambda row: {"price": row["price"] and 2 * row["price"]}))


@pytest.mark.slow
def test_without_a_scheduler_the_run_ends_before_it_would_start_a_training(told: dict[str, Any]) -> None:
    assert told["tasks"][0] == {"watch_drift": "success", "is_training_due": "success", "start_training": "skipped"}


@pytest.mark.slow
def test_a_scheduler_gets_one_training_with_its_reason_however_often_the_run_is_repeated(told: dict[str, Any]) -> None:
    assert [tasks["start_training"] for tasks in told["tasks"][1:]] == ["success", "skipped"]
    (conf,) = told["trainings"]
    assert conf["run"] == "monday-train"
    assert conf["reason"] == conf["params"]["release_models"]["reason"]
    assert conf["reason"].startswith("drift since release trained: items price EUR +")
