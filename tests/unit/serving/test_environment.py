"""Where Triton's wheel can run, and what it is started with."""

from pathlib import Path

import pytest

from goeswith.errors import EnvironmentMissing
from goeswith.settings import TritonSettings
from serving.runtime.environment import TritonEnvironment, check_platform, load_environment
from serving.runtime.triton import Launch, command_of, find_triton, stop_triton


@pytest.mark.parametrize(
    ("machine", "libc"),
    [("x86_64", ("glibc", "2.31")), ("aarch64", ("glibc", "2.36")), ("x86_64", ("musl", "1.2")), ("x86_64", ("", "")), ("x86_64", ("glibc", "2"))],
)
def test_a_machine_that_cannot_run_the_wheel_is_told_so(machine: str, libc: tuple[str, str]) -> None:
    with pytest.raises(EnvironmentMissing, match=r"needs x86-64 and glibc 2\.35") as refused:
        check_platform(machine, libc)
    assert "GOESWITH_TRITON__HOST" in refused.value.remedy


@pytest.mark.parametrize("version", ["2.35", "2.36", "2.41", "3.0"])
def test_newer_glibc_will_do(version: str) -> None:
    check_platform("x86_64", ("glibc", version))


def test_without_uv_a_missing_environment_names_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EnvironmentMissing, match="no uv") as refused:
        load_environment()
    assert refused.value.remedy == "run: make setup"


def test_a_failed_installation_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "uv").write_text("#!/bin/sh\necho 'no route to index' >&2\nexit 1\n")
    (tmp_path / "uv").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    with pytest.raises(EnvironmentMissing, match="no route to index"):
        load_environment()


def launch(folder: Path) -> Launch:
    settings = TritonSettings(host="127.0.0.1", grpc_port=1234, http_port=1235, metrics_port=1236)
    return Launch(settings=settings, repository=folder / "models", folder=folder)


def test_triton_is_bound_to_the_profiles_address_and_loads_only_what_it_is_told(tmp_path: Path) -> None:
    command = command_of(launch(tmp_path), TritonEnvironment(tmp_path), ["relations"])
    assert {f"--{part}-address=127.0.0.1" for part in ("grpc", "http", "metrics")} <= set(command)
    assert "--model-control-mode=explicit" in command
    assert [part for part in command if part.startswith("--load-model")] == ["--load-model=relations"]


def test_the_servers_python_is_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    variables = TritonEnvironment(tmp_path).variables()
    assert "PYTHONPATH" not in variables
    assert variables["PATH"].startswith(f"{tmp_path}/bin:")
    assert variables["LD_LIBRARY_PATH"].endswith("nvidia_pytriton.libs")


def test_stopping_where_nothing_runs_removes_a_stale_state(tmp_path: Path) -> None:
    (tmp_path / "triton.json").write_text('{"pid": 999999999, "started": "1", "ports": {}, "log": ""}')
    assert find_triton(launch(tmp_path)) is None
    assert stop_triton(launch(tmp_path)) is False
    assert not (tmp_path / "triton.json").exists()
