"""Plain Spark: the task as SQL, with Spark's own settings but for threads and memory."""

from pathlib import Path

from pyspark.sql import SparkSession

from benchmarks.graph.engines.spark import HEAP, PARTITIONS, shuffle_mb
from benchmarks.graph.task import SELF_JOIN, THREADS, Orders, read_parquet_pairs

read_pairs = read_parquet_pairs
SETTINGS = {
    "spark.driver.memory": HEAP,
    "spark.sql.shuffle.partitions": str(PARTITIONS),
    "spark.driver.host": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
}


class SelfJoin:
    """A local session."""

    def __init__(self, spark: SparkSession) -> None:
        self._spark = spark

    def count(self, orders: Orders, out: Path) -> None:
        """Count pairs into a folder of Parquet files."""
        self._spark.read.parquet(*map(str, orders)).createOrReplaceTempView("orders")
        self._spark.sql(SELF_JOIN).write.parquet(str(out))

    def measures(self) -> dict[str, float]:
        """What was shuffled so far."""
        return {"shuffle_mb": shuffle_mb(self._spark)}


def start() -> SelfJoin:
    """Return the engine with its session."""
    builder = SparkSession.builder.master(f"local[{THREADS}]").appName("self-join")
    for key, value in SETTINGS.items():
        builder = builder.config(key, value)
    return SelfJoin(builder.getOrCreate())
