"""What the integration tests of a process share beside the Spark session."""

from collections.abc import Iterator

import pytest
from pyspark.sql import SparkSession

from tests.delta_logs import forget_logs


@pytest.fixture(scope="module", autouse=True)
def forget_tables() -> Iterator[None]:
    """Let the shared JVM forget a module's lakes: there are thousands of tables."""
    yield
    session = SparkSession.getActiveSession()
    if session is not None:
        forget_logs(session)
