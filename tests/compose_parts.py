"""The services of ``infra/compose`` without containers: their commands on loopback, each killed as a test likes and started as Compose would."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol
from unittest import mock

import httpx
import psutil
import yaml

from goeswith.ports import LOOPBACK, free_ports
from goeswith.profile import PROJECT_ROOT, Profile, load_profile
from serving.gateway.keys import create_key
from serving.runtime.environment import load_environment
from tests.airflow_server import API, PROCESSOR, SCHEDULER, AirflowServer, end_all, wait_until
from tests.debian import require
from tests.s3_server import s3_server
from tests.standalone import SPARK_CLASS
from tests.stores import PASSWORD, postgres_server, redis_server

AWAY_S = 5.0
"""For so long a part that was killed is away."""
READY_S = 300.0
LEAN = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
INFRA = PROJECT_ROOT / "infra"
SERVICES = yaml.safe_load((INFRA / "compose" / "compose.yaml").read_text(encoding="utf-8"))["services"]


class Ports(NamedTuple):
    """Where the parts listen."""

    master: int
    master_page: int
    worker_page: int
    http: int
    grpc: int
    metrics: int
    gateway: int
    prometheus: int


class Part(Protocol):
    """A service that can go away and come back."""

    def start(self) -> None:
        """Start it."""

    def stop(self) -> None:
        """Kill it."""


@dataclass(slots=True)
class Daemon:
    """A service that is one command; it is ready when ``url`` answers, whatever it says."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    url: str
    process: "subprocess.Popen[bytes] | None" = field(default=None)

    def start(self) -> None:
        """Start it and wait until it answers."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command, env=dict(self.environment), cwd=PROJECT_ROOT, stdout=log, stderr=log)
        wait_until(self._answers, f"{self.name} answers ({self.log})", READY_S)

    def stop(self) -> None:
        """Kill it, and all that it has started."""
        if self.process is not None:
            end_all([psutil.Process(self.process.pid)])
            self.process.wait()
            self.process = None

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"{self.name} ended with {self.process.returncode}: {self.log.read_text(encoding='utf-8')[-2000:]}"
        try:
            return httpx.get(self.url, timeout=4).status_code > 0
        except httpx.TransportError:
            return False


@dataclass(slots=True)
class Component:
    """One of Airflow's; what a scheduler has started goes on without it, as long as it can."""

    airflow: AirflowServer
    name: str

    def start(self) -> None:
        """Start it."""
        self.airflow.start(self.name)

    def stop(self) -> None:
        """Kill its process alone."""
        self.airflow.kill(self.name)


@dataclass(slots=True)
class Composed:
    """All parts by their names in ``compose.yaml``, the profile that leads to them, and a key of the gateway."""

    profile: Profile
    airflow: AirflowServer
    parts: Mapping[str, Part]
    gateway: str
    prometheus: str
    key: str

    def kill(self, name: str) -> None:
        """Kill a part and start it again after a while."""
        self.parts[name].stop()
        time.sleep(AWAY_S)
        self.parts[name].start()


@contextmanager
def composed(folder: Path, settings: Mapping[str, str]) -> Iterator[Composed]:
    """Run everything for as long as the block lasts; ``settings`` are variables of every process of ours."""
    for made in ("home", "logs", "redis", "spark"):
        (folder / made).mkdir(parents=True)
    ports = Ports(*free_ports(len(Ports._fields)))
    with ExitStack() as running:
        database, redis = running.enter_context(postgres_server()), running.enter_context(redis_server(folder / "redis"))
        storage = running.enter_context(s3_server())
        running.enter_context(
            mock.patch.dict(os.environ, {**settings, **storage.environment(), **settings_of(folder / "home", ports, redis.address)})
        )
        profile = load_profile()
        key = create_key(profile.keys, "shop", ("ask", "search"))
        (folder / "metrics_key").write_text(create_key(profile.keys, "prometheus", ("metrics",)), encoding="utf-8")
        parts: dict[str, Part] = {"postgres": database, "redis": redis, "minio": storage}
        for daemon in (*spark(folder, ports), triton(folder, profile), gateway(folder, profile), prometheus(folder, ports)):
            running.callback(daemon.stop)
            daemon.start()
            parts[daemon.name] = daemon
        airflow = running.enter_context(AirflowServer(profile, database.address, {}))
        parts |= {f"airflow-{'api' if name == API else name}": Component(airflow, name) for name in (API, SCHEDULER, PROCESSOR)}
        yield Composed(profile, airflow, parts, f"http://{LOOPBACK}:{ports.gateway}", f"http://{LOOPBACK}:{ports.prometheus}", key)


def settings_of(home: Path, ports: Ports, redis: str) -> dict[str, str]:
    """Return what is not as in the profile ``compose``: the names of its services are addresses here, and this machine is small."""
    lean = {"spark.driver.host": LOOPBACK, "spark.driver.bindAddress": LOOPBACK, "spark.ui.enabled": "false", "spark.executor.memory": "1g"}
    lean |= {"spark.driver.extraJavaOptions": LEAN, "spark.executor.extraJavaOptions": LEAN, "spark.databricks.delta.snapshotPartitions": "2"}
    return {
        "GOESWITH_PROFILE": "compose",
        "GOESWITH_HOME": str(home),
        "GOESWITH_LOGS": "json",
        "GOESWITH_SPARK__MASTER": f"spark://{LOOPBACK}:{ports.master}",
        "GOESWITH_SPARK__CONF": json.dumps(lean),
        "GOESWITH_FEAST__ONLINE_PATH": redis,
        "GOESWITH_FEAST__PASSWORD": PASSWORD,
        "GOESWITH_TRITON__KIND": "wheel",
        "GOESWITH_TRITON__HOST": LOOPBACK,
        "GOESWITH_TRITON__HTTP_PORT": str(ports.http),
        "GOESWITH_TRITON__GRPC_PORT": str(ports.grpc),
        "GOESWITH_TRITON__METRICS_PORT": str(ports.metrics),
        "GOESWITH_GATEWAY__HOST": LOOPBACK,
        "GOESWITH_GATEWAY__PORT": str(ports.gateway),
        "SPARK_LOCAL_IP": LOOPBACK,
    }


def spark(folder: Path, ports: Ports) -> list[Daemon]:
    """Return the master and the worker by Compose's commands, on ports of their own."""
    places = {"spark-master:8080": ports.master_page, "spark-worker:8081": ports.worker_page}
    found = []
    for where, page in places.items():
        name, _, port = where.partition(":")
        said = {
            "spark-master": LOOPBACK,
            "7077": str(ports.master),
            "spark://spark-master:7077": f"spark://{LOOPBACK}:{ports.master}",
            port: str(page),
        }
        words = [said.get(word, word) for word in SERVICES[name]["command"]] + (["--work-dir", str(folder / "spark")] if "worker" in name else [])
        told = SERVICES[name]["environment"].get("SPARK_DAEMON_JAVA_OPTS", "").replace("/scratch", str(folder / "spark"))
        environment = {**os.environ, "SPARK_DAEMON_MEMORY": "256m", "SPARK_DAEMON_JAVA_OPTS": f"{LEAN} {told}", "PYSPARK_PYTHON": sys.executable}
        found.append(Daemon(name, [str(SPARK_CLASS), *words], environment, folder / "logs" / f"{name}.log", f"http://{LOOPBACK}:{page}"))
    return found


def triton(folder: Path, profile: Profile) -> Daemon:
    """Return the server by the image's command, with addresses that are named: it binds all others."""
    environment, s = load_environment(), profile.triton
    profile.model_repository.mkdir()
    text = (INFRA / "docker" / "triton.Dockerfile").read_text(encoding="utf-8")
    (_, *options) = json.loads(re.findall(r"^CMD (\[.*?\])", text, re.MULTILINE | re.DOTALL)[-1].replace("\\\n", ""))
    options = [word.replace("/var/lib/goeswith/model_repository", str(profile.model_repository)) for word in options]
    ports = {"http": s.http_port, "grpc": s.grpc_port, "metrics": s.metrics_port}
    options += [word for name, port in ports.items() for word in (f"--{name}-address={s.host}", f"--{name}-port={port}")]
    options += [f"--backend-directory={environment.backends}", f"--backend-config=python,shm-region-prefix-name=composed_{s.grpc_port}_"]
    url = f"http://{s.host}:{s.http_port}/v2/health/live"
    return Daemon("triton", [str(environment.server), *options], environment.variables(), folder / "logs" / "triton.log", url)


def gateway(folder: Path, profile: Profile) -> Daemon:
    """Return the gateway."""
    url = f"http://{profile.gateway.host}:{profile.gateway.port}/health"
    return Daemon("gateway", [sys.executable, "-m", "serving.gateway.serve"], dict(os.environ), folder / "logs" / "gateway.log", url)


def prometheus(folder: Path, ports: Ports) -> Daemon:
    """Return Prometheus with the file of Compose, whose targets are here, and which looks every second."""
    said = {"gateway:8780": f"{LOOPBACK}:{ports.gateway}", "triton:8002": f"{LOOPBACK}:{ports.metrics}", "15s": "1s"}
    said |= {"/run/secrets/metrics_key": str(folder / "metrics_key"), "alerts.yml": str(INFRA / "prometheus" / "alerts.yml")}
    text = (INFRA / "prometheus" / "prometheus.yml").read_text(encoding="utf-8")
    for theirs, here in said.items():
        text = text.replace(theirs, here)
    (folder / "prometheus.yml").write_text(text, encoding="utf-8")
    options = {
        "config.file": folder / "prometheus.yml",
        "storage.tsdb.path": folder / "prometheus",
        "web.listen-address": f"{LOOPBACK}:{ports.prometheus}",
    }
    command = [require("prometheus", "prometheus"), *(f"--{name}={value}" for name, value in options.items())]
    return Daemon("prometheus", command, dict(os.environ), folder / "logs" / "prometheus.log", f"http://{LOOPBACK}:{ports.prometheus}/-/ready")
