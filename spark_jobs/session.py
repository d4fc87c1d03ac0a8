"""The Spark session of every job: Delta set up, and on one machine started as lean as it goes."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyspark
from pyspark.sql import SparkSession

from goeswith.errors import EnvironmentMissing
from goeswith.logs import current_context
from goeswith.profile import Profile
from spark_jobs.shipping import pack_code

DELTA_PACKAGE = "io.delta:delta-spark_4.1_2.13:4.4.0"
KAFKA_PACKAGE = f"org.apache.spark:spark-sql-kafka-0-10_2.13:{pyspark.__version__}"
"""Spark's connector, of Spark's own version: part of a session whose profile names brokers."""
JARS = Path("~/.cache/goeswith/jars").expanduser()
"""Where packages' jars are kept, so that a start asks no repository."""
OWN_JARS = {
    DELTA_PACKAGE: ("io.delta_",),
    KAFKA_PACKAGE: ("org.apache.spark_spark-", "org.apache.kafka_", "org.apache.commons_commons-pool2"),
}
"""Package -> how the names of those of its jars begin that Spark itself does not bring."""

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
    packages = (DELTA_PACKAGE, KAFKA_PACKAGE) if profile.kafka.servers else (DELTA_PACKAGE,)
    sized = {
        "spark.driver.memory": profile.spark.driver_memory,
        "spark.sql.shuffle.partitions": str(profile.spark.shuffle_partitions),
        "spark.sql.warehouse.dir": str(profile.root / "warehouse"),
    }
    if profile.spark.master.startswith("local"):
        placed = {**LOCAL, "spark.driver.extraClassPath": ":".join(f"{local_jars(package)}/*" for package in packages)}
        placed[JAVA_OPTIONS] += JSON_LOGS if profile.logs == "json" else ""
    else:
        jars = ",".join(str(jar) for package in packages for jar in sorted(local_jars(package).glob("*.jar")))
        placed = {"spark.jars": jars, "spark.submit.pyFiles": str(pack_code(profile))}
        placed["spark.log.structuredLogging.enabled"] = str(profile.logs == "json").lower()
    return {**COMMON, **placed, **sized, **profile.spark.conf}


def local_jars(package: str, folder: Path = JARS) -> Path:
    """Return the folder of a package's jars, resolving them by Ivy the first time. Raises ``EnvironmentMissing``."""
    target = folder / package.split(":", 1)[1].replace(":", "-")
    if not target.is_dir():
        beside = target.with_name(f".{target.name}.{os.getpid()}")
        _resolve_jars(package, beside)
        _publish(beside, target)
    return target


def _resolve_jars(package: str, beside: Path) -> None:
    """Let spark-submit resolve the package and exit, then keep the jars that Spark itself does not bring."""
    ivy = beside / "ivy"
    ivy.mkdir(parents=True, exist_ok=True)
    nothing = beside / "nothing.py"
    nothing.write_text("", encoding="utf-8")
    submit = Path(sys.executable).with_name("spark-submit")
    command = [str(submit), "--master", "local[1]", "--conf", f"spark.jars.ivy={ivy}", "--packages", package, str(nothing)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "PYSPARK_PYTHON": sys.executable})  # noqa: S603
    if done.returncode:
        reason = next((line for line in done.stderr.splitlines() if "unresolved" in line or "Exception" in line), f"exit code {done.returncode}")
        shutil.rmtree(beside)
        raise EnvironmentMissing(f"{package} could not be fetched: {reason.strip()}", f"connect to Maven Central once, or fill {JARS}")
    for jar in (ivy / "jars").glob("*.jar"):
        if jar.name.startswith(OWN_JARS[package]):
            jar.rename(beside / jar.name)
    shutil.rmtree(ivy)
    nothing.unlink()


def _publish(beside: Path, target: Path) -> None:
    try:
        beside.rename(target)
    except OSError:  # another process was first; its jars are the same
        shutil.rmtree(beside)


def _require_java() -> None:
    if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        raise EnvironmentMissing("Spark needs Java 17 and there is no 'java' here", "apt-get install openjdk-17-jre-headless")
