"""What both Spark engines share: how large they may be, and what they shuffled."""

from typing import Any

from pyspark.sql import SparkSession

from benchmarks.graph.task import MEMORY_GB

HEAP = f"{MEMORY_GB - 1}g"
PARTITIONS = 8
EVENTS_MS = 10_000


def shuffle_mb(spark: SparkSession) -> float:
    """Return what a local session has written to its shuffles so far [MB]; Python's API does not tell, the JVM's status store does."""
    context: Any = spark.sparkContext
    jvm = context._jsc.sc()
    jvm.listenerBus().waitUntilEmpty(EVENTS_MS)  # the store lags behind the tasks
    executors = jvm.statusStore().executorList(False)
    return float(sum(executors.apply(k).totalShuffleWrite() for k in range(executors.size())) / 2**20)
