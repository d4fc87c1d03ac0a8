"""The settings of a Spark session, and what is said when it cannot start. No JVM is started here."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pyspark
import pytest
from pyspark.sql import SparkSession

from goeswith.errors import EnvironmentMissing
from goeswith.profile import load_profile
from spark_jobs import session


def fake_ivy(calls: list[list[str]], *, code: int = 0, errors: str = "") -> Any:
    """Return a stand-in for ``subprocess.run`` that resolves the package, or fails as spark-submit would."""

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        calls.append(command)
        ivy = next(Path(part.split("=", 1)[1]) for part in command if part.startswith("spark.jars.ivy="))
        (ivy / "jars").mkdir()
        for name in ("io.delta_delta-spark_4.1_2.13-4.4.0.jar", "org.slf4j_slf4j-api-2.0.13.jar"):
            (ivy / "jars" / name).write_text("jar")
        return subprocess.CompletedProcess(command, code, "", errors)

    return run


def test_missing_java_is_named_with_its_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SparkSession, "getActiveSession", classmethod(lambda _: None))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EnvironmentMissing, match="apt-get install openjdk-17-jre-headless"):
        session.get_session(load_profile(overrides={"home": tmp_path}), "test")


def test_jars_are_resolved_once_and_only_those_that_spark_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[list[str]] = []
    monkeypatch.setattr(subprocess, "run", fake_ivy(calls))
    first = session.local_jars(session.DELTA_PACKAGE, tmp_path)
    assert session.local_jars(session.DELTA_PACKAGE, tmp_path) == first
    assert [path.name for path in first.iterdir()] == ["io.delta_delta-spark_4.1_2.13-4.4.0.jar"]
    assert len(calls) == 1
    assert session.DELTA_PACKAGE in calls[0]


def test_a_failed_resolution_leaves_nothing_behind_and_says_what_was_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", fake_ivy([], code=1, errors="a line\n[unresolved dependency: io.delta#delta-spark_4.1_2.13;4.4.0]\n"))
    for package in session.OWN_JARS:
        with pytest.raises(EnvironmentMissing, match=rf"{package} could not be fetched: .unresolved dependency: io\.delta"):
            session.local_jars(package, tmp_path)
    assert not list(tmp_path.iterdir())


def test_two_processes_may_resolve_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "delta-spark_4.1_2.13-4.4.0"

    def other_was_first(beside: Path, target: Path) -> None:
        shutil.copytree(beside, target)
        publish(beside, target)

    publish = session._publish
    monkeypatch.setattr(subprocess, "run", fake_ivy([]))
    monkeypatch.setattr(session, "_publish", other_was_first)
    assert session.local_jars(session.DELTA_PACKAGE, tmp_path) == target
    assert [path.name for path in tmp_path.iterdir()] == ["delta-spark_4.1_2.13-4.4.0"]


def test_a_cluster_is_sent_jars_and_code_and_the_profile_has_the_last_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "delta.jar").write_text("jar")
    monkeypatch.setattr(session, "local_jars", lambda _: tmp_path)
    spark = {"master": "spark://host:7077", "driver_memory": "9g", "conf": {"spark.ui.enabled": "true", "spark.sql.session.timeZone": "UTC"}}
    settings = session.session_settings(load_profile(overrides={"home": tmp_path, "spark": spark}))
    assert settings["spark.jars"] == str(tmp_path / "delta.jar")
    assert Path(settings["spark.submit.pyFiles"]).is_file()
    assert settings["spark.driver.memory"] == "9g"
    assert settings["spark.ui.enabled"] == "true"
    assert "spark.driver.extraClassPath" not in settings


def test_the_local_session_listens_on_loopback_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "local_jars", lambda _: tmp_path)
    settings = session.session_settings(load_profile(overrides={"home": tmp_path}))
    assert settings["spark.driver.bindAddress"] == settings["spark.driver.host"] == "127.0.0.1"
    assert settings["spark.ui.enabled"] == "false"
    assert settings["spark.driver.extraClassPath"] == f"{tmp_path}/*"


def test_a_profile_that_names_brokers_brings_the_connector_of_sparks_own_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def jars(package: str) -> Path:
        folder = tmp_path / package.split(":")[1]
        folder.mkdir(exist_ok=True)
        (folder / "one.jar").touch()
        return folder

    monkeypatch.setattr(session, "local_jars", jars)
    kafka = {"servers": "broker:9092"}
    settings = session.session_settings(load_profile(overrides={"home": tmp_path, "kafka": kafka}))
    assert settings["spark.driver.extraClassPath"] == f"{tmp_path}/delta-spark_4.1_2.13/*:{tmp_path}/spark-sql-kafka-0-10_2.13/*"
    spread = {"home": tmp_path, "kafka": kafka, "spark": {"master": "spark://host:7077"}}
    sent = session.session_settings(load_profile(overrides=spread))["spark.jars"].split(",")
    assert sent == [str(tmp_path / name / "one.jar") for name in ("delta-spark_4.1_2.13", "spark-sql-kafka-0-10_2.13")]
    assert session.KAFKA_PACKAGE.endswith(f":{pyspark.__version__}")
