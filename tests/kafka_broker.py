"""A Kafka broker for real: one node on loopback that is asked for a user and a password, stopped by its own id."""

import secrets
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pyspark

from goeswith.ports import LOOPBACK, free_ports
from spark_jobs.jars import Jars, local_jars
from tests.airflow_server import wait_until

VERSION = "4.1.2"
KAFKA = Jars((f"org.apache.kafka:kafka_2.13:{VERSION}", f"org.apache.kafka:kafka-tools:{VERSION}"), ("",))
"""The broker and its tools, and all that they need but Scala, which is Spark's."""
USER = "shop"
LOGIN = 'org.apache.kafka.common.security.{} required username="{}" password="{}";'
READY_S = 90.0


@dataclass(slots=True)
class KafkaBroker:
    """A broker that lets one user in, by SCRAM."""

    folder: Path
    address: str
    controller: str
    password: str = field(default_factory=lambda: secrets.token_urlsafe(20), repr=False)
    process: "subprocess.Popen[bytes] | None" = None

    def environment(self) -> dict[str, str]:
        """Return the variables by which a process of ours reads from it."""
        login = {"GOESWITH_KAFKA__USER": USER, "GOESWITH_KAFKA__PASSWORD": self.password}
        return {"GOESWITH_KAFKA__SERVERS": self.address, "GOESWITH_KAFKA__PROTOCOL": "SASL_PLAINTEXT", **login}

    def start(self) -> None:
        """Format its folder, start it and wait until it answers."""
        settings = self._write("server.properties", self._settings())
        user = f"SCRAM-SHA-512=[name={USER},password={self.password}]"
        format_ = ["format", "--config", str(settings), "--cluster-id", uuid.uuid4().hex[:22], "--add-scram", user]
        subprocess.run([*_java("kafka.tools.StorageTool"), *format_], check=True, capture_output=True)
        with (self.folder / "broker.log").open("wb") as log:
            self.process = subprocess.Popen([*_java("kafka.Kafka"), str(settings)], stdout=log, stderr=log)
        wait_until(self._answers, f"Kafka answers ({self.folder / 'broker.log'})", READY_S)

    def stop(self) -> None:
        """Stop it at once."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def send(self, topic: str, messages: Sequence[str]) -> None:
        """Write messages to a topic, which is made by the first."""
        where = ["--bootstrap-server", self.address, "--topic", topic, "--producer.config", str(self._client())]
        said = "".join(f"{message}\n" for message in messages)
        subprocess.run([*_java("org.apache.kafka.tools.ConsoleProducer"), *where], input=said, text=True, check=True, capture_output=True)

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "broker.log").read_text(encoding="utf-8")[-2000:]
        asked = ["--bootstrap-server", self.address, "--command-config", str(self._client()), "--list"]
        return subprocess.run([*_java("org.apache.kafka.tools.TopicCommand"), *asked], check=False, capture_output=True).returncode == 0

    def _client(self) -> Path:
        login = LOGIN.format("scram.ScramLoginModule", USER, self.password)
        return self._write("client.properties", {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "SCRAM-SHA-512", "sasl.jaas.config": login})

    def _settings(self) -> dict[str, str]:
        """Return a node that is broker and controller in one; the controller listens on loopback alone, as everything does."""
        return {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@{self.controller}",
            "listeners": f"SHOP://{self.address},CONTROLLER://{self.controller}",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "SHOP",
            "listener.security.protocol.map": "SHOP:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT",
            "sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "sasl.mechanism.inter.broker.protocol": "SCRAM-SHA-512",
            "listener.name.shop.scram-sha-512.sasl.jaas.config": LOGIN.format("scram.ScramLoginModule", USER, self.password),
            "log.dirs": str(self.folder / "log"),
            "offsets.topic.replication.factor": "1",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "num.partitions": "2",
        }

    def _write(self, name: str, settings: dict[str, str]) -> Path:
        path = self.folder / name
        path.write_text("".join(f"{key}={value}\n" for key, value in settings.items()), encoding="utf-8")
        return path


def _java(main: str) -> list[str]:
    (scala,) = Path(pyspark.__file__).parent.glob("jars/scala-library-*.jar")
    return ["java", "-Xmx320m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", f"{local_jars(KAFKA)}/*:{scala}", main]


@contextmanager
def kafka_broker() -> Iterator[KafkaBroker]:
    """Run a broker for as long as the block lasts, in a folder that only its owner enters."""
    with tempfile.TemporaryDirectory(prefix="goeswith-kafka-") as folder:
        address, controller = (f"{LOOPBACK}:{port}" for port in free_ports(2))
        broker = KafkaBroker(Path(folder), address, controller)
        try:
            broker.start()
            yield broker
        finally:
            broker.stop()
