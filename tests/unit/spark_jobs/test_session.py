"""The settings of a Spark session, and what is said when it cannot start. No JVM is started here."""

from pathlib import Path

import pyspark
import pytest
from pyspark.sql import SparkSession

from goeswith.errors import EnvironmentMissing
from goeswith.profile import load_profile
from spark_jobs import session
from spark_jobs.jars import KAFKA, S3, Jars


def test_missing_java_is_named_with_its_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SparkSession, "getActiveSession", classmethod(lambda _: None))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EnvironmentMissing, match="apt-get install openjdk-17-jre-headless"):
        session.get_session(load_profile(overrides={"home": tmp_path}), "test")


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
    def jars(chosen: Jars) -> Path:
        folder = tmp_path / chosen.packages[0].split(":")[1]
        folder.mkdir(exist_ok=True)
        (folder / "one.jar").touch()
        return folder

    monkeypatch.setattr(session, "local_jars", jars)
    kafka = {"servers": "broker:9092"}
    settings = session.session_settings(load_profile(overrides={"home": tmp_path, "kafka": kafka}))
    names = ("delta-spark_4.1_2.13", "spark-sql-kafka-0-10_2.13", "spark-token-provider-kafka-0-10_2.13")
    assert settings["spark.driver.extraClassPath"] == ":".join(f"{tmp_path}/{name}/*" for name in names)
    spread = {"home": tmp_path, "kafka": kafka, "spark": {"master": "spark://host:7077"}}
    sent = session.session_settings(load_profile(overrides=spread))["spark.jars"].split(",")
    assert sent == [str(tmp_path / name / "one.jar") for name in names]
    assert KAFKA.packages[0].rpartition(":")[2].rpartition(".")[0] == pyspark.__version__.rpartition(".")[0]


def test_a_lake_in_an_object_store_brings_the_client_of_sparks_own_hadoop_and_no_credential(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "local_jars", lambda chosen: tmp_path / chosen.folder)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "never-told")
    overrides = {"home": tmp_path, "lake": "s3://shop/lake/", "s3": {"endpoint": "http://minio:9000", "region": "eu-west-1"}}
    settings = session.session_settings(load_profile(overrides=overrides))
    assert settings["spark.driver.extraClassPath"] == f"{tmp_path}/delta-spark_4.1_2.13-4.4.0/*:{tmp_path}/{S3.folder}/*"
    reached = {key.removeprefix("spark.hadoop.fs.s3a."): value for key, value in settings.items() if ".s3a." in key}
    assert (reached["endpoint"], reached["endpoint.region"], reached["path.style.access"]) == ("http://minio:9000", "eu-west-1", "true")
    assert not [key for key, value in settings.items() if "never-told" in value or "secret" in key]
    hadoop = next(Path(pyspark.__file__).parent.glob("jars/hadoop-client-api-*.jar")).stem.rpartition("-")[2]
    assert S3.packages[0].endswith(f":{hadoop}")


def test_a_lake_in_a_folder_knows_nothing_of_object_stores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "local_jars", lambda _: tmp_path)
    assert not [key for key in session.session_settings(load_profile(overrides={"home": tmp_path})) if "s3" in key]
