"""What Spark's JVM remembers of Delta tables."""

from pyspark.sql import SparkSession


def forget_logs(spark: SparkSession) -> None:
    """Let the JVM forget the log of every table, which Delta keeps for an hour: the next reader reads it from the disk."""
    assert spark.sparkContext._jvm is not None
    spark.sparkContext._jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()
