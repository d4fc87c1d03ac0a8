"""What the integration tests of a process share beside the Spark session."""

from collections.abc import Iterator

import pytest
from pyspark.sql import SparkSession


@pytest.fixture(scope="module", autouse=True)
def forget_tables() -> Iterator[None]:
    """Let the shared JVM forget a module's lakes: Delta keeps each table's log for an hour, and there are thousands."""
    yield
    session = SparkSession.getActiveSession()
    if session is not None:
        session.sparkContext._jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()  # type: ignore[union-attr]
