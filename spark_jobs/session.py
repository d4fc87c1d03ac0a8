"""The Spark session of every job: Delta set up, and on one machine started as lean as it goes."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from pyspark.sql import SparkSession

from goeswith.errors import EnvironmentMissing
from goeswith.logs import current_context
from goeswith.profile import Profile
from spark_jobs.jars import DELTA, KAFKA, KAFKA_TOKENS, S3, local_jars
from spark_jobs.shipping import pack_code

COMMON = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.maxPlanStringLength": "20000",
    "spark.sql.maxConcurrentOutputFileWriters": "32",
    "spark.log.level": "ERROR",
}
JAVA_OPTIONS = "spark.driver.extraJavaOptions"
JSON_LOGS = " -Dlog4j2.configurationFile=classpath:org/apache/spark/log4j2-json-layout.properties"
"""Spark's own layout; ``spark.log.structuredLogging.enabled`` does nothing in a JVM that Python starts."""
LOCAL = {
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    JAVA_OPTIONS: "-XX:+UseSerialGC -Dio.netty.tryReflectionSetAccessible=true",
    "spark.databricks.delta.snapshotPartitions": "2",
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "2",
    "spark.ui.retainedJobs": "50",
    "spark.ui.retainedStages": "50",
    "spark.ui.retainedTasks": "1000",
    "spark.sql.ui.retainedExecutions": "10",
    "spark.sql.ui.explainMode": "simple",
    "spark.sql.codegen.cache.maxEntries": "1000",
    "spark.python.sql.dataFrameDebugging.enabled": "false",
    "spark.python.daemon.module": "spark_jobs.workers",
}
"""One JVM on one machine: collect garbage in one thread, split a table's log into two parts, keep compiled plans (ADR 11).

What finished jobs are remembered for is the page that is not shown; a thousand of them with their plans fill a small heap.
"""

S3A = {"connection.establish.timeout": "5s", "connection.timeout": "60s", "attempts.maximum": "3", "retry.limit": "3", "retry.interval": "1s"}
"""How long Hadoop's S3 client waits for an object store, and how often it asks again: one that is away ends a job within minutes."""


def get_session(profile: Profile, app: str) -> SparkSession:
    """Return the running Spark session, or start one as the profile says.

    Raises ``EnvironmentMissing`` where Java, or Delta's jars and a repository to fetch them from, are missing.
    """
    session = SparkSession.getActiveSession() or _start_session(profile, app)
    _name_work(session)
    return session


def _name_work(session: SparkSession) -> None:
    """Let what Spark and its executors log name the run and the step, where they log as JSON."""
    for name, value in current_context().items():
        session.sparkContext.setLocalProperty(f"mdc.{name}", value)


def _start_session(profile: Profile, app: str) -> SparkSession:
    _require_java()
    if profile.spark.master.startswith("local"):
        os.environ.setdefault("SPARK_LOCAL_IP", LOCAL["spark.driver.host"])
    os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    os.environ["PYSPARK_PYTHON"] = profile.spark.conf.get("spark.pyspark.python", sys.executable)
    builder = SparkSession.builder.master(profile.spark.master).appName(f"goeswith {app}")
    for key, value in session_settings(profile).items():
        builder = builder.config(key, value)
    session: SparkSession = builder.getOrCreate()
    return session


def shuffle_partitions(spark: SparkSession) -> int:
    """Return into how many tasks the session splits a shuffle, at least."""
    return int(spark.conf.get("spark.sql.shuffle.partitions") or 1)


@contextmanager
def setting(spark: SparkSession, name: str, value: str) -> Iterator[None]:
    """Let a setting of the running session have another value for a while: for all of its threads, so one alone may do so."""
    usual = spark.conf.get(name, None)
    spark.conf.set(name, value)
    try:
        yield
    finally:
        if usual is None:
            spark.conf.unset(name)
        else:
            spark.conf.set(name, usual)


def session_settings(profile: Profile) -> dict[str, str]:
    """Return the whole configuration of a session; ``profile.spark.conf`` wins over all of ours.

    A cluster is sent Delta's jars and our code. Its workers need a Python with our dependencies: this one's path, or ``spark.pyspark.python``.
    """
    needed = [DELTA, *([KAFKA, KAFKA_TOKENS] if profile.kafka.servers else []), *([S3] if profile.on_s3 else [])]
    sized = {
        "spark.driver.memory": profile.spark.driver_memory,
        "spark.sql.shuffle.partitions": str(profile.spark.shuffle_partitions),
        "spark.sql.warehouse.dir": str(profile.root / "warehouse"),
    }
    if profile.spark.master.startswith("local"):
        placed = {**LOCAL, "spark.driver.extraClassPath": ":".join(f"{local_jars(jars)}/*" for jars in needed)}
        placed[JAVA_OPTIONS] += JSON_LOGS if profile.logs == "json" else ""
    else:
        sent = ",".join(str(jar) for jars in needed for jar in sorted(local_jars(jars).glob("*.jar")))
        placed = {"spark.jars": sent, "spark.submit.pyFiles": str(pack_code(profile))}
        placed["spark.log.structuredLogging.enabled"] = str(profile.logs == "json").lower()
    return {**COMMON, **placed, **sized, **store_settings(profile), **profile.spark.conf}


def store_settings(profile: Profile) -> dict[str, str]:
    """Return how Hadoop's S3 client reaches the lake's object store; nothing for a folder.

    Credentials are not among them: Spark takes AWS_* from its environment, hands them to its executors and keeps them out of its logs.
    """
    if not profile.on_s3:
        return {}
    here = {"endpoint": profile.s3.endpoint, "path.style.access": "true"} if profile.s3.endpoint else {}
    settings = {f"spark.hadoop.fs.s3a.{key}": value for key, value in {**S3A, **here, "endpoint.region": profile.s3.region}.items()}
    return {"spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem", **settings}


def _require_java() -> None:
    if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        raise EnvironmentMissing("Spark needs Java 17 and there is no 'java' here", "apt-get install openjdk-17-jre-headless")
