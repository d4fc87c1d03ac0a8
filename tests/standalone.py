"""A Spark standalone cluster on loopback: a master and two workers, each a process that the test itself started and ends."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pyspark

from goeswith.ports import LOOPBACK, free_ports

READY_S = 400.0
"""Generous: a loaded machine is no failure."""
SPARK_CLASS = Path(pyspark.__file__).parent / "bin" / "spark-class"


@contextmanager
def daemon(words: Sequence[str], log: Path, ready: str, memory: str = "256m") -> Iterator[None]:
    """Run a process of Spark's until the block ends; it is ready when its log says so."""
    lean = {"SPARK_DAEMON_MEMORY": memory, "SPARK_DAEMON_JAVA_OPTS": "-XX:+UseSerialGC", "SPARK_LOCAL_IP": LOOPBACK, "PYSPARK_PYTHON": sys.executable}
    with log.open("wb") as out:
        process = subprocess.Popen([str(SPARK_CLASS), *words], stdout=out, stderr=out, env={**os.environ, **lean})
        try:
            wait_for(process, log, ready)
            yield
        finally:
            process.terminate()
            process.wait(60)


def wait_for(process: "subprocess.Popen[bytes]", log: Path, ready: str) -> None:
    end = time.monotonic() + READY_S
    while ready not in log.read_text(encoding="utf-8", errors="replace"):
        if process.poll() is not None or time.monotonic() > end:
            raise AssertionError(f"{log.name} never said {ready!r}: {log.read_text(encoding='utf-8')[-2000:]}")
        time.sleep(0.2)


@contextmanager
def standalone_cluster(folder: Path, workers: int = 2) -> Iterator[str]:
    """Yield the master's address; ``folder`` takes logs and the workers' folders (worker-0, worker-1)."""
    package, port = "org.apache.spark.deploy", free_ports(1)[0]
    address = f"spark://{LOOPBACK}:{port}"
    place = ["--host", LOOPBACK, "--webui-port", "0"]
    with ExitStack() as started:
        master = [f"{package}.master.Master", *place, "--port", str(port)]
        started.enter_context(daemon(master, folder / "master.log", "New state: ALIVE"))
        for k in range(workers):
            worker = [f"{package}.worker.Worker", *place, "--cores", "1", "--memory", "1g", "--work-dir", str(folder / f"worker-{k}"), address]
            started.enter_context(daemon(worker, folder / f"worker-{k}.log", "Successfully registered with master"))
        yield address
