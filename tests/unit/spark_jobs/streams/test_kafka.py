"""How a topic is reached: from the profile's settings, with secrets that only the environment has."""

from pathlib import Path
from typing import Any

import pytest

from goeswith.errors import ConfigError
from goeswith.profile import Profile, load_profile
from goeswith.settings import KafkaSettings
from spark_jobs.streams.kafka import PATIENCE, build_kafka, connect_options

SERVERS = "127.0.0.1:9092"


def settings(**of: Any) -> KafkaSettings:
    return KafkaSettings(servers=SERVERS, **of)


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Profile:
    monkeypatch.setenv("GOESWITH_KAFKA__SERVERS", SERVERS)
    monkeypatch.setenv("GOESWITH_KAFKA__PASSWORD", "hidden-word")
    return load_profile(overrides={"home": tmp_path})


def test_a_broker_without_a_login_needs_its_address_only() -> None:
    assert connect_options(settings()) == {"kafka.bootstrap.servers": SERVERS, "kafka.security.protocol": "PLAINTEXT", **PATIENCE}


@pytest.mark.parametrize(("mechanism", "module"), [("PLAIN", "PlainLoginModule"), ("SCRAM-SHA-512", "ScramLoginModule")])
def test_a_login_names_user_and_password_as_jaas_quotes_them(mechanism: Any, module: str) -> None:
    options = connect_options(settings(protocol="SASL_SSL", mechanism=mechanism, user="shop", password='a"b\\c'))  # noqa: S106
    login = options["kafka.sasl.jaas.config"]
    assert login.split(" ", 1)[0].endswith(f".{module}")
    assert login.endswith('required username="shop" password="a\\"b\\\\c";')
    assert options["kafka.sasl.mechanism"] == mechanism


@pytest.mark.parametrize("half", [{"user": "shop"}, {"password": "x"}, {}])
def test_half_a_login_is_refused_with_the_variables_to_set(half: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="SASL_SSL needs a user and a password") as caught:
        connect_options(settings(protocol="SASL_SSL", **half))
    assert "GOESWITH_KAFKA__PASSWORD" in caught.value.remedy


def test_secrets_come_from_the_environment_and_show_in_no_text(configured: Profile) -> None:
    assert configured.kafka.password.get_secret_value() == "hidden-word"
    stream = build_kafka(configured, "events", None, "earliest", 10)
    assert "hidden-word" not in f"{configured!r} {configured.model_dump_json()} {stream!r}"


def test_an_unknown_protocol_is_refused_with_the_legal_ones(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="SASL_PLAINTEXT"):
        load_profile(overrides={"home": tmp_path, "kafka": {"protocol": "SASL"}})


def test_what_a_stream_from_kafka_lacks_is_named(configured: Profile, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no Kafka broker") as caught:
        build_kafka(configured.model_copy(update={"kafka": KafkaSettings()}), "events", None, "earliest", 10)
    assert "GOESWITH_KAFKA__SERVERS" in caught.value.remedy
    with pytest.raises(ConfigError, match="needs a topic"):
        build_kafka(configured, "", None, "earliest", 10)
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text("items: {file: i.csv, format: csv, columns: {item_id: sku}}", encoding="utf-8")
    with pytest.raises(ConfigError, match="maps no events"):
        build_kafka(configured, "events", mapping, "earliest", 10)


def test_without_a_mapping_messages_use_the_catalogues_names_and_with_one_the_shops(configured: Profile, tmp_path: Path) -> None:
    own = build_kafka(configured, "events", None, "earliest", 10).columns
    assert {"event_id", "basket_id", "item_id", "kind", "cancelled"} <= set(own)
    assert "updated_at" not in own
    mapping = tmp_path / "mapping.yaml"
    events = "events: {file: events, format: jsonl, columns: {basket_id: order, item_id: sku}}"
    mapping.write_text(f"items: {{file: i.csv, format: csv, columns: {{item_id: sku}}}}\n{events}\n", encoding="utf-8")
    stream = build_kafka(configured, "events", mapping, "earliest", 10)
    assert stream.columns == {"basket_id": "order", "item_id": "sku"}
    assert stream.name == "kafka-events"
