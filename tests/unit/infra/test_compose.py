"""The services of one machine: nothing is open, root, unbounded or secret by accident, and names agree with the profile's."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from goeswith.profile import PROJECT_ROOT, load_profile

FOLDER = PROJECT_ROOT / "infra" / "compose"
PROJECT: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = PROJECT["services"]
ONE_SHOT = {"airflow-migrate", "minio-volume", "minio-bucket"}
SECRET = re.compile(r"PASSWORD|SECRET|KEY|CONN")

each_service = pytest.mark.parametrize("name", SERVICES)


@each_service
def test_a_service_can_do_no_more_than_it_must(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert int(service["user"].partition(":")[0]) > 0


@each_service
def test_a_service_is_bounded_and_looked_at(name: str) -> None:
    service = SERVICES[name]
    assert {*service["deploy"]["resources"]["limits"]} == {"cpus", "memory", "pids"}
    assert service["healthcheck"].get("disable", False) == (name in ONE_SHOT)


@each_service
def test_an_image_has_a_version(name: str) -> None:
    assert re.search(r":[\w.-]*\d[\w.-]*$", SERVICES[name]["image"])


def test_ports_are_open_to_this_machine_alone() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(ports) == 4
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_what_is_secret_comes_from_files_or_the_environment() -> None:
    values = {(name, key): str(value) for name, s in SERVICES.items() for key, value in s.get("environment", {}).items() if SECRET.search(key)}
    literal = {where: value for where, value in values.items() if not re.match(r"\$\{\w+:\?|/run/secrets/|cat /run/secrets/", value)}
    assert values
    assert literal == {}
    given = dict(re.findall(r"^(\w+)=(.*)$", (FOLDER / ".env.example").read_text(encoding="utf-8"), re.MULTILINE))
    assert {given[name] for name in ("GOESWITH_USER_HASH_KEY", "AWS_SECRET_ACCESS_KEY", "GOESWITH_FEAST__PASSWORD")} == {""}


def test_every_secret_file_is_made_by_the_script() -> None:
    made = {*re.findall(r"^keep (\S+) ", (FOLDER / "make_secrets.sh").read_text(encoding="utf-8"), re.MULTILINE)}
    assert {secret["file"].removeprefix("secrets/") for secret in PROJECT["secrets"].values()} == made


def test_the_profile_names_services_that_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    profile = load_profile("compose")
    hosts = [profile.triton.host, profile.feast.online_path, profile.spark.master, profile.s3.endpoint]
    assert {host.rpartition("//")[2].partition(":")[0] for host in hosts} <= {*SERVICES}


def test_services_have_their_features_in_redis_and_the_lake_in_minio(monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in SERVICES["gateway"]["environment"].items():
        monkeypatch.setenv(key, "drawn" if value.startswith("${") else value)
    profile = load_profile()
    assert (profile.profile, profile.feast.online_store, profile.feast.online_path) == ("compose", "redis", "redis:6379")
    assert profile.feast.password.get_secret_value() == "drawn"
    assert (profile.lake_uri, profile.s3.endpoint) == ("s3://goeswith/lake", "http://minio:9000")
    assert (profile.triton.host, profile.triton.grpc_port) == ("triton", 8001)


def test_the_stores_are_there_before_who_uses_them() -> None:
    assert SERVICES["gateway"]["depends_on"] == {"redis": {"condition": "service_healthy"}}
    assert SERVICES["airflow-scheduler"]["depends_on"]["redis"] == {"condition": "service_healthy"}
    assert SERVICES["airflow-scheduler"]["depends_on"]["minio-bucket"] == {"condition": "service_completed_successfully"}
    assert not any("profiles" in service for service in SERVICES.values())


def test_secrets_are_drawn_once_and_what_a_later_version_needs_is_added(tmp_path: Path) -> None:
    for name in ("make_secrets.sh", ".env.example"):
        shutil.copy(FOLDER / name, tmp_path)
    first = draw(tmp_path)
    assert (tmp_path / "secrets" / "redis.conf").read_text(encoding="utf-8") == f"requirepass {first['GOESWITH_FEAST__PASSWORD']}"
    assert first["AWS_SECRET_ACCESS_KEY"] == (tmp_path / "secrets" / "minio_password").read_text(encoding="utf-8")
    lines = (tmp_path / ".env").read_text(encoding="utf-8").splitlines()
    (tmp_path / ".env").write_text("\n".join(line for line in lines if "FEAST" not in line) + "\n", encoding="utf-8")
    assert draw(tmp_path) == first


def draw(folder: Path) -> dict[str, str]:
    """Make what is missing of the secrets; return what ``.env`` says."""
    subprocess.run([folder / "make_secrets.sh"], check=True)
    return dict(re.findall(r"^(\w+)=(.+)$", (folder / ".env").read_text(encoding="utf-8"), re.MULTILINE))


def test_jobs_and_servers_share_their_settings() -> None:
    ours = ("gateway", "airflow-scheduler", "spark-worker")
    shared = [{k: v for k, v in SERVICES[name]["environment"].items() if k.startswith("GOESWITH_")} for name in ours]
    assert shared[0] == shared[1] == shared[2]
    assert all(any(volume.startswith("home:/var/lib/goeswith") for volume in SERVICES[name]["volumes"]) for name in (*ours, "triton"))


def test_the_pools_that_tasks_name_are_made_before_anything_is_scheduled() -> None:
    assert SERVICES["airflow-migrate"]["command"] == ["airflow db migrate && goeswith pools"]
    assert SERVICES["airflow-dag-processor"]["depends_on"]["airflow-migrate"] == {"condition": "service_completed_successfully"}
    assert "airflow-api" in SERVICES["airflow-scheduler"]["depends_on"]
    assert SERVICES["airflow-api"]["depends_on"]["airflow-migrate"] == {"condition": "service_completed_successfully"}
