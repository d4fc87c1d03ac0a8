"""How a job becomes a task: one factory; the profile says which operator."""

from collections.abc import Mapping
from typing import Any

from airflow.sdk import Asset, BaseOperator

from dags.operators.process import SubprocessJobOperator
from goeswith.profile import load_profile


def job_task(name: str, *, task_id: str | None = None, params: Mapping[str, Any] | None = None, outlets: tuple[str, ...] = ()) -> BaseOperator:
    """Return a task that runs ``goeswith job NAME`` where the profile says.

    ``outlets`` names the tables whose assets the task updates. Parameters of the DAG run's conf (``{"params": {task_id: {...}}}``) win.
    """
    settings = load_profile().operator
    assets = [table_asset(table) for table in outlets]
    factories = {"subprocess": SubprocessJobOperator}
    return factories[settings.kind](task_id=task_id or name, job=name, job_params=dict(params or {}), outlets=assets, retries=settings.retries)


def table_asset(table: str) -> Asset:
    """Return the Airflow asset of a table."""
    return Asset(name=table, uri=f"goeswith://lake/{table}")
