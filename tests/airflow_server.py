"""Airflow for real: scheduler, DAG processor and API server on loopback over a PostgreSQL of their own, each killed and started as a test likes."""

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Self

import httpx
import psutil

from goeswith.command.airflow_home import set_airflow_environment
from goeswith.ports import LOOPBACK, free_ports
from goeswith.profile import PROJECT_ROOT, Profile
from tests.stores import PASSWORD, postgres_server

READY_S = 300.0
POLL_S = 2.0
API, SCHEDULER, PROCESSOR = "api-server", "scheduler", "dag-processor"
QUICK = {
    "SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
    "SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "60",
    "SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "10",
    "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3600",
}
"""A scheduler that died is noticed in a minute, not in six; sooner would be too soon, as one that lives on a busy machine takes itself for dead.
DAG files do not change while a test runs."""
Run = dict[str, Any]
"""A DAG's run or a task's instance, as Airflow's API tells it."""


class AirflowServer:
    """An Airflow that runs the DAGs of this repository with LocalExecutor, and the questions that a test asks it."""

    def __init__(self, profile: Profile, database: str, settings: Mapping[str, str]) -> None:
        (self._port,) = free_ports(1)
        self.environment = {**build_environment(profile, database, self._port), **settings}
        self.logs = profile.root / "airflow" / "logs"
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._left: list[psutil.Process] = []
        self._http = httpx.Client(base_url=f"http://{LOOPBACK}:{self._port}", timeout=60)

    def __enter__(self) -> Self:
        """Migrate the database, create the pools, start all components and wait until every DAG is known."""
        for words in (["airflow", "db", "migrate"], ["goeswith", "pools"]):
            subprocess.run([sys.executable, "-m", *words], env=self.environment, cwd=PROJECT_ROOT, check=True, capture_output=True)
        for component in (API, SCHEDULER, PROCESSOR):
            self.start(component)
        wait_until(self._is_healthy, "Airflow is ready", READY_S)
        self._http.headers["Authorization"] = f"Bearer {self._http.get('/auth/token').json()['access_token']}"
        return self

    def __exit__(self, *_: object) -> None:
        """Kill everything, and what it has started."""
        self._http.close()
        end_all([psutil.Process(running.pid) for running in self._running.values()] + self._left)
        for running in self._running.values():
            running.wait()

    def start(self, component: str) -> None:
        """Start a component."""
        words = {API: ["--host", LOOPBACK, "--port", str(self._port), "--workers", "1"], SCHEDULER: ["--skip-serve-logs"], PROCESSOR: []}
        command = [sys.executable, "-m", "airflow", component, *words[component]]
        self.logs.mkdir(parents=True, exist_ok=True)
        with (self.logs / f"{component}.log").open("ab") as log:
            self._running[component] = subprocess.Popen(command, env=self.environment, cwd=PROJECT_ROOT, stdout=log, stderr=log)

    def revive(self) -> list[str]:
        """Start what has ended by itself, as whoever runs the components does; return what had."""
        ended = [component for component, running in self._running.items() if running.poll() is not None]
        for component in ended:
            self.start(component)
        return ended

    def kill(self, component: str) -> None:
        """Kill -9 a component's process alone: what it has started goes on, as long as it can."""
        running = self._running.pop(component)
        self._left += psutil.Process(running.pid).children(recursive=True)
        running.kill()
        running.wait()

    def wait_for_dags(self, *dag_ids: str) -> None:
        """Wait until Airflow has read these DAGs. Raises ``AssertionError`` where a file does not load."""

        def known() -> bool:
            errors = self.ask("GET", "/importErrors")["import_errors"]
            assert not errors, errors
            return {*dag_ids} <= {dag["dag_id"] for dag in self.ask("GET", "/dags")["dags"]}

        wait_until(known, f"Airflow knows the DAGs {dag_ids}", READY_S)

    def unpause(self, *dag_ids: str) -> None:
        """Let DAGs run: Airflow takes them in paused."""
        for dag_id in dag_ids:
            self.ask("PATCH", f"/dags/{dag_id}", is_paused=False)

    def trigger(self, dag_id: str, conf: Mapping[str, Any]) -> str:
        """Start a run of a DAG; return its id."""
        run_id: str = self.ask("POST", f"/dags/{dag_id}/dagRuns", logical_date=None, conf=dict(conf))["dag_run_id"]
        return run_id

    def runs(self, dag_id: str) -> list[Run]:
        """Return the runs of a DAG, oldest first."""
        found: list[Run] = self.ask("GET", f"/dags/{dag_id}/dagRuns?order_by=id")["dag_runs"]
        return found

    def tasks(self, dag_id: str) -> dict[str, Run]:
        """Return the task instances of a DAG's newest run by task; none before the first."""
        runs = self.runs(dag_id)
        if not runs:
            return {}
        run = runs[-1]
        found = self.ask("GET", f"/dags/{dag_id}/dagRuns/{run['dag_run_id']}/taskInstances")["task_instances"]
        return {task["task_id"]: task for task in found}

    def failures(self, *dag_ids: str) -> list[str]:
        """Return for every failed task of these DAGs' newest runs its name and the end of its last log."""
        failed = [(dag, id_, task) for dag in dag_ids for id_, task in self.tasks(dag).items() if task["state"] == "failed"]
        return [f"{dag}.{id_}: {self._last_words(dag, task['dag_run_id'], id_)}" for dag, id_, task in failed]

    def _last_words(self, dag_id: str, run_id: str, task_id: str) -> str:
        logs = [*(self.logs / f"dag_id={dag_id}" / f"run_id={run_id}" / f"task_id={task_id}").glob("*.log")]
        return max(logs, key=lambda log: log.stat().st_mtime).read_text(encoding="utf-8")[-4000:] if logs else "no log"

    def ask(self, method: str, path: str, **body: Any) -> Any:
        """Ask the public API."""
        answer = self._http.request(method, f"/api/v2{path}", json=body or None)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def _is_healthy(self) -> bool:
        for component, running in self._running.items():
            assert running.poll() is None, f"{component} ended with {running.returncode}: {self.logs / component}.log"
        try:
            health = self._http.get("/api/v2/monitor/health").json()
        except httpx.TransportError:
            return False
        return all(health[part]["status"] == "healthy" for part in ("metadatabase", "scheduler", "dag_processor"))


@contextmanager
def airflow_server(profile: Profile, settings: Mapping[str, str]) -> Iterator[AirflowServer]:
    """Run an Airflow and its database for as long as the block lasts; ``settings`` are variables of its environment, so of its tasks', too."""
    with postgres_server() as database, AirflowServer(profile, database.address, settings) as airflow:
        yield airflow


def build_environment(profile: Profile, database: str, port: int) -> dict[str, str]:
    """Return the environment of every component, as a deployment sets it: database, executor, and the secret that lets tasks report."""
    url = f"http://{LOOPBACK}:{port}"
    airflow = {
        **QUICK,
        "CORE__EXECUTOR": "LocalExecutor",
        "CORE__PARALLELISM": "4",
        "CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "API__BASE_URL": url,
        "API_AUTH__JWT_SECRET": secrets.token_urlsafe(32),
        "DATABASE__SQL_ALCHEMY_CONN": database.replace("postgresql:", "postgresql+psycopg:"),
        "DATABASE__SQL_ALCHEMY_CONN_ASYNC": database.replace("postgresql:", "postgresql+psycopg_async:"),
    }
    environment = {**os.environ, "PGPASSWORD": PASSWORD, **{f"AIRFLOW__{name}": value for name, value in airflow.items()}}
    set_airflow_environment(profile, environment.__setitem__)
    return environment | {"AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO"}


def end_all(roots: list[psutil.Process]) -> None:
    """Kill processes and all that they have started."""
    found = set(roots)
    for root in roots:
        with suppress(psutil.NoSuchProcess):
            found.update(root.children(recursive=True))
    for process in found:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def wait_until(holds: Callable[[], bool], what: str, limit_s: float) -> None:
    """Wait for what is to be. Raises ``AssertionError`` after too long."""
    until = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < until, f"it took too long until {what}"
        time.sleep(POLL_S)
