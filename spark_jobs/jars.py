"""The jars that Spark does not bring: resolved by Ivy once, then kept, so that a start asks no repository."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from goeswith.errors import EnvironmentMissing

JARS = Path("~/.cache/goeswith/jars").expanduser()


@dataclass(frozen=True, slots=True)
class Jars:
    """Packages that are resolved together, of which the jars are kept whose names begin with ``own``: Spark itself brings the others."""

    packages: tuple[str, ...]
    own: tuple[str, ...]
    without: str = ""
    """A package that the first one asks for and does not need."""

    @property
    def folder(self) -> str:
        """The name of their folder: the first package's, with its version."""
        return self.packages[0].split(":", 1)[1].replace(":", "-")


AWS_SDK = "2.29.52"
"""What hadoop-aws 3.4.2 was built with."""
DELTA = Jars(("io.delta:delta-spark_4.1_2.13:4.4.0",), ("io.delta_",))
KAFKA = Jars(
    ("org.apache.spark:spark-sql-kafka-0-10_2.13:4.1.3",),
    ("org.apache.spark_spark-sql-", "org.apache.kafka_", "org.apache.commons_commons-pool2"),
    without="org.apache.spark:spark-token-provider-kafka-0-10_2.13",
)
"""Spark's connector: part of a session whose profile names brokers. Before 4.1.3 a stream that goes on where another died ends with a null
pointer (SPARK-57438); of the login tokens that it needs, Maven Central has other releases than of itself."""
KAFKA_TOKENS = Jars(("org.apache.spark:spark-token-provider-kafka-0-10_2.13:4.1.1",), ("org.apache.spark_spark-token-",))
S3 = Jars(
    ("org.apache.hadoop:hadoop-aws:3.4.2", *(f"software.amazon.awssdk:{module}:{AWS_SDK}" for module in ("s3", "s3-transfer-manager", "sts"))),
    ("org.apache.hadoop_hadoop-aws", "software.amazon.", "org.reactivestreams_"),
    without="software.amazon.awssdk:bundle",
)
"""Hadoop's S3 client, of the version of Spark's Hadoop: part of a session whose lake lies in an object store. It asks for all of Amazon's SDK,
600 MB, and uses three modules of it, 12 MB."""

FETCHED = (DELTA, KAFKA, KAFKA_TOKENS, S3)
"""All that a session may need."""


def local_jars(jars: Jars, folder: Path = JARS) -> Path:
    """Return the folder of the jars, resolving them by Ivy the first time. Raises ``EnvironmentMissing``."""
    target = folder / jars.folder
    if not target.is_dir():
        beside = target.with_name(f".{target.name}.{os.getpid()}")
        _resolve(jars, beside)
        _publish(beside, target)
    return target


def _resolve(jars: Jars, beside: Path) -> None:
    """Let spark-submit resolve the packages and exit, then keep the jars that Spark itself does not bring."""
    ivy = beside / "ivy"
    ivy.mkdir(parents=True, exist_ok=True)
    nothing = beside / "nothing.py"
    nothing.write_text("", encoding="utf-8")
    done = subprocess.run(  # noqa: S603 - our own command, no shell
        _command(jars, ivy, nothing), capture_output=True, text=True, check=False, env={**os.environ, "PYSPARK_PYTHON": sys.executable}
    )
    if done.returncode:
        reason = next((line for line in done.stderr.splitlines() if "unresolved" in line or "Exception" in line), f"exit code {done.returncode}")
        shutil.rmtree(beside)
        raise EnvironmentMissing(f"{jars.packages[0]} could not be fetched: {reason.strip()}", f"connect to Maven Central once, or fill {JARS}")
    for jar in (ivy / "jars").glob("*.jar"):
        if jar.name.startswith(jars.own):
            jar.rename(beside / jar.name)
    shutil.rmtree(ivy)
    nothing.unlink()


def _command(jars: Jars, ivy: Path, nothing: Path) -> list[str]:
    submit = Path(sys.executable).with_name("spark-submit")
    chosen = ["--packages", ",".join(jars.packages), *(["--exclude-packages", jars.without] if jars.without else [])]
    return [str(submit), "--master", "local[1]", "--conf", f"spark.jars.ivy={ivy}", *chosen, str(nothing)]


def _publish(beside: Path, target: Path) -> None:
    try:
        beside.rename(target)
    except OSError:  # another process was first; its jars are the same
        shutil.rmtree(beside)
