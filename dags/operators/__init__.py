"""How a job becomes a task: one factory; the profile says which operator. A DAG file knows no more than what stands here."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from airflow.sdk import Asset, BaseOperator

from dags.operators.kinds import OPERATORS
from dags.operators.late import build_alert
from dags.operators.pools import pool_of
from dags.operators.reaper import ReapPodsOperator
from goeswith.errors import ConfigError
from goeswith.jobs import JOBS
from goeswith.profile import load_profile
from goeswith.settings import OperatorSettings


def job_task(name: str, *, task_id: str | None = None, params: Mapping[str, Any] | None = None, outlets: tuple[str, ...] = ()) -> BaseOperator:
    """Return a task that runs ``goeswith job NAME`` where the profile says.

    ``outlets`` names the tables whose assets the task updates. Parameters of the DAG run's conf (``{"params": {task_id: {...}}}``) win.
    Raises ``ConfigError`` where the profile's kind of operator lacks a setting or a package.
    """
    settings = load_profile().operator
    assets = [table_asset(table) for table in outlets]
    make = OPERATORS[settings.kind](settings, name)
    return make(task_id=task_id or name, job=name, job_params=dict(params or {}), outlets=assets, **_patience(settings, name))


def dag_defaults(doc: str | None) -> dict[str, Any]:
    """Return what every DAG of ours says of itself: when a run is late and who is told, and that runs neither overlap nor catch up."""
    return {"doc_md": doc, "deadline": build_alert(load_profile().operator), "catchup": False, "max_active_runs": 1, "tags": ["goeswith"]}


def reaping_task() -> BaseOperator:
    """Return the task that looks after the pods of all others; it runs in Airflow itself, which knows what became of their tasks."""
    return ReapPodsOperator(task_id="reap_pods")


def table_asset(table: str) -> Asset:
    """Return the Airflow asset of a table."""
    return Asset(name=table, uri=f"goeswith://lake/{table}")


def _patience(settings: OperatorSettings, job: str) -> dict[str, Any]:
    """Return how often a task is tried, how long it may take, and with how many others of its kind it runs at once."""
    unknown = sorted(settings.deadlines_s.keys() - JOBS.keys())
    if unknown:
        raise ConfigError(f"operator.deadlines_s names {unknown[0]!r}, and no job is called so", f"jobs: {', '.join(JOBS)}")
    return {
        "retries": settings.retries,
        "retry_delay": timedelta(seconds=settings.retry_delay_s),
        "retry_exponential_backoff": 2.0,
        "max_retry_delay": timedelta(seconds=settings.retry_delay_max_s),
        "execution_timeout": timedelta(seconds=settings.deadlines_s.get(job, settings.deadline_s)),
        "pool": pool_of(job),
    }
