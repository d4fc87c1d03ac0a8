"""What ``goeswith submit`` hands to spark-submit, and what it refuses. The call itself runs in tests/integration/test_cluster.py."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from goeswith.command import submit
from goeswith.command.main import call
from goeswith.command.submit import build_command, build_properties
from goeswith.profile import Profile, load_profile
from spark_jobs import session
from spark_jobs.shipping import pack_code


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Profile:
    """Return a cluster's profile with a secret and a value that a properties file has to escape."""
    monkeypatch.setattr(session, "local_jars", lambda _: tmp_path)
    conf = {"spark.hadoop.fs.s3a.secret.key": "hush", "spark.goeswith.path": "C:\\new"}
    return load_profile("cluster", {"home": tmp_path, "spark": {"master": "spark://host:7077", "conf": conf}})


def test_settings_go_by_file_so_that_no_command_line_shows_a_secret(cluster: Profile) -> None:
    command = build_command(cluster, "settings.conf")
    assert command[1:5] == ["--master", "spark://host:7077", "--properties-file", "settings.conf"]
    assert Path(command[-1]).read_text(encoding="utf-8").startswith('"""The application')
    assert "hush" not in " ".join(command)


def test_every_setting_of_a_session_is_a_line(cluster: Profile) -> None:
    lines = build_properties(cluster).splitlines()
    assert len(lines) == len(session.session_settings(cluster))
    assert "spark.hadoop.fs.s3a.secret.key=hush" in lines
    assert "spark.goeswith.path=C:\\\\new" in lines
    assert any(line.startswith("spark.submit.pyFiles=") and line.endswith(".zip") for line in lines)


def test_the_driver_imports_the_folder_and_its_profiles_though_the_archive_stands_first(cluster: Profile) -> None:
    program = build_command(cluster, "settings.conf")[-1]
    environment = {**os.environ, "PYTHONPATH": str(pack_code(cluster)), "GOESWITH_PROFILE": "cluster", "GOESWITH_HOME": str(cluster.root)}
    done = subprocess.run(
        [sys.executable, program, "ingest", "--run", "r", "--params", "nonsense"], env=environment, capture_output=True, text=True, check=False
    )
    assert "--params is no JSON" in done.stderr, done.stderr


@pytest.mark.parametrize(("job", "remedy"), [("train_cirp", "goeswith job train_cirp"), ("nonsense", "count_pairs")])
def test_what_is_no_spark_job_is_refused_with_what_to_do(job: str, remedy: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["submit", job, "--run", "r"]) == 2
    assert remedy in capsys.readouterr().err


def test_what_the_driver_prints_is_printed_by_the_command_itself(
    cluster: Profile, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program = [sys.executable, "-c", "import sys; print('the last line'); sys.exit(6)"]
    monkeypatch.setattr(submit, "build_command", lambda *_: program)
    monkeypatch.setattr(submit, "build_properties", lambda _: "")
    assert call(["submit", "count_pairs", "--run", "r"]) == 6
    assert capsys.readouterr().out == "the last line\n"
