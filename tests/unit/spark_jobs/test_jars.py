"""How the jars that Spark lacks are fetched and kept. No JVM is started here."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from goeswith.errors import EnvironmentMissing
from spark_jobs import jars


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


def test_jars_are_resolved_once_and_only_those_that_spark_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[list[str]] = []
    monkeypatch.setattr(subprocess, "run", fake_ivy(calls))
    first = jars.local_jars(jars.DELTA, tmp_path)
    assert jars.local_jars(jars.DELTA, tmp_path) == first
    assert [path.name for path in first.iterdir()] == ["io.delta_delta-spark_4.1_2.13-4.4.0.jar"]
    assert len(calls) == 1
    assert jars.DELTA.packages[0] in calls[0]


def test_a_failed_resolution_leaves_nothing_behind_and_says_what_was_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", fake_ivy([], code=1, errors="a line\n[unresolved dependency: io.delta#delta-spark_4.1_2.13;4.4.0]\n"))
    for chosen in (jars.DELTA, jars.KAFKA, jars.S3):
        with pytest.raises(EnvironmentMissing, match=rf"{chosen.packages[0]} could not be fetched: .unresolved dependency: io\.delta"):
            jars.local_jars(chosen, tmp_path)
    assert not list(tmp_path.iterdir())


def test_two_processes_may_resolve_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "delta-spark_4.1_2.13-4.4.0"

    def other_was_first(beside: Path, target: Path) -> None:
        shutil.copytree(beside, target)
        publish(beside, target)

    publish = jars._publish
    monkeypatch.setattr(subprocess, "run", fake_ivy([]))
    monkeypatch.setattr(jars, "_publish", other_was_first)
    assert jars.local_jars(jars.DELTA, tmp_path) == target
    assert [path.name for path in tmp_path.iterdir()] == ["delta-spark_4.1_2.13-4.4.0"]


def test_of_amazons_sdk_only_the_modules_that_are_used_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[list[str]] = []
    monkeypatch.setattr(subprocess, "run", fake_ivy(calls))
    jars.local_jars(jars.S3, tmp_path)
    assert calls[0][calls[0].index("--exclude-packages") + 1] == "software.amazon.awssdk:bundle"
    assert "software.amazon.awssdk:s3:" in calls[0][calls[0].index("--packages") + 1]
