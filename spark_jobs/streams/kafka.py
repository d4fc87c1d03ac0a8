"""A Kafka topic of events, one JSON object a message; its settings are the profile's, its secrets the environment's."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from goeswith.catalogue import find_table
from goeswith.errors import ConfigError
from goeswith.profile import Profile
from goeswith.settings import KafkaSettings
from spark_jobs.sources.mapping import FLAGS, OURS, read_mapping
from spark_jobs.sources.reading import as_raw, parse_json_lines
from spark_jobs.streams.base import Came

LOGINS = {
    "PLAIN": "org.apache.kafka.common.security.plain.PlainLoginModule",
    "SCRAM-SHA-256": "org.apache.kafka.common.security.scram.ScramLoginModule",
    "SCRAM-SHA-512": "org.apache.kafka.common.security.scram.ScramLoginModule",
}
"""SASL mechanism -> Kafka's class that logs in by it."""
PATIENCE = {"kafka.default.api.timeout.ms": "20000", "kafka.request.timeout.ms": "20000"}
"""Brokers that are away are told of after three tries, in a minute and not in three."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaStream:
    """The events of a topic, at most ``max_offsets`` messages in a micro-batch. ``columns`` maps the catalogue's names to the messages' keys."""

    topic: str
    columns: Mapping[str, str]
    settings: KafkaSettings = field(repr=False)
    start: str
    max_offsets: int
    source: str = "kafka"

    @property
    def name(self) -> str:
        """Tell the topics of one home apart."""
        return f"kafka-{self.topic}"

    @property
    def remedy(self) -> str:
        """Say what to ask of the brokers."""
        return f"see that the brokers {self.settings.servers} answer, hold the topic {self.topic} and let this user read it"

    def open(self, spark: SparkSession) -> DataFrame:
        """Return the messages' values as text. A message without a value holds no event."""
        options = {
            **connect_options(self.settings),
            "subscribe": self.topic,
            "startingOffsets": self.start,
            "maxOffsetsPerTrigger": str(self.max_offsets),
            "failOnDataLoss": "true",
        }
        return spark.readStream.format("kafka").options(**options).load().select(F.col("value").cast("string"))

    def read(self, batch: DataFrame) -> Came:
        """Return the raw events of a micro-batch. A message that is no whole JSON object becomes ``row_incomplete``."""
        events = parse_json_lines(batch, {key: key for key in self.columns.values()})
        return Came({"events": as_raw(events, Path(self.topic), self.columns)})


def connect_options(settings: KafkaSettings) -> dict[str, str]:
    """Return how Spark reaches the brokers and logs in there. Raises ``ConfigError`` for a login without user or password."""
    options = {"kafka.bootstrap.servers": settings.servers, "kafka.security.protocol": settings.protocol, **PATIENCE}
    if not settings.protocol.startswith("SASL"):
        return options
    user, password = (_quoted(secret) for secret in (settings.user, settings.password))
    if '""' in (user, password):
        what = f"Kafka's protocol {settings.protocol} needs a user and a password"
        raise ConfigError(what, "set GOESWITH_KAFKA__USER and GOESWITH_KAFKA__PASSWORD in the environment")
    login = f"{LOGINS[settings.mechanism]} required username={user} password={password};"
    return {**options, "kafka.sasl.mechanism": settings.mechanism, "kafka.sasl.jaas.config": login}


def _quoted(secret: SecretStr) -> str:
    """Write a text as JAAS does."""
    return '"' + secret.get_secret_value().replace("\\", "\\\\").replace('"', '\\"') + '"'


def build_kafka(profile: Profile, topic: str, mapping: Path | None, start: str, max_offsets: int) -> KafkaStream:
    """Return the stream of a topic. Without a mapping file the messages' keys are the catalogue's names.

    Raises ``ConfigError`` where no broker is configured, no topic is named, or the mapping maps no events.
    """
    if not profile.kafka.servers:
        raise ConfigError("no Kafka broker is configured", "set GOESWITH_KAFKA__SERVERS=HOST:PORT, or kafka.servers in the profile's file")
    if not topic:
        raise ConfigError("a stream from Kafka needs a topic and none was given", "name it with --kafka TOPIC")
    connect_options(profile.kafka)
    columns = _own_columns() if mapping is None else _mapped_columns(mapping)
    return KafkaStream(topic=topic, columns=columns, settings=profile.kafka, start=start, max_offsets=max_offsets)


def _own_columns() -> dict[str, str]:
    return {name: name for name in (*find_table("events").columns, *FLAGS["events"]) if name not in OURS}


def _mapped_columns(mapping: Path) -> dict[str, str]:
    events = read_mapping(mapping).events
    if events is None:
        raise ConfigError(f"{mapping} maps no events, and a topic holds nothing else", "add the table events to it")
    return events.columns
