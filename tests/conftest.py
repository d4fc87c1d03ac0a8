"""What all tests share: a profile below a temporary folder, and one Spark session for those marked ``spark``."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import prometheus_client.values  # noqa: F401 - before Feast: its import lets all metrics of a process share files, as those of the gateway's process never do
import pytest
from hypothesis import settings

from goeswith.profile import PROJECT_ROOT, Profile, load_profile

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

for _name in [name for name in os.environ if name.upper().startswith("GOESWITH_")]:
    del os.environ[_name]  # they win over what a test chooses: its tables would be written into somebody's lake

_airflow = tempfile.TemporaryDirectory(prefix="airflow-")  # Airflow reads these once in a process, as soon as anything of it is imported
os.environ.update(AIRFLOW_HOME=_airflow.name, AIRFLOW__CORE__DAGS_FOLDER=str(PROJECT_ROOT / "dags"), AIRFLOW__CORE__LOAD_EXAMPLES="False")

settings.register_profile("goeswith", deadline=None)  # a loaded machine is no failure
settings.load_profile("goeswith")


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    """Return the local profile with its home in a temporary folder."""
    return load_profile(overrides={"home": tmp_path})


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[SparkSession]":
    """Start one small Spark session for the whole run; jobs called in a test find and use it."""
    from spark_jobs.session import get_session

    sized = {"driver_memory": "2g", "shuffle_partitions": 2}
    session = get_session(load_profile(overrides={"home": tmp_path_factory.mktemp("spark"), "spark": sized}), "tests")
    yield session
    session.stop()
