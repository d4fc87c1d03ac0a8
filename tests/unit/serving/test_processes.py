"""Servers are found again by pid and start time, and stopped by their own pid."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from goeswith.errors import EnvironmentMissing
from goeswith.ports import free_ports
from serving.runtime import processes
from serving.runtime.processes import ServerState, check_ports, read_state, start_of, write_state

Start = Callable[[str], ServerState]
OBEDIENT = "import time; print('up', flush=True); time.sleep(60)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[subprocess.Popen[bytes]] = []

    def _start(code: str) -> ServerState:
        process = subprocess.Popen([sys.executable, "-c", code], start_new_session=True, stdout=subprocess.PIPE)
        started.append(process)
        assert process.stdout is not None
        process.stdout.readline()
        return ServerState(pid=process.pid, started=str(start_of(process.pid)), ports={"P": 1}, log=str(tmp_path / "log"))

    yield _start
    for process in started:
        process.kill()
        process.communicate()


def test_a_running_server_is_found_by_its_state_file(start: Start, tmp_path: Path) -> None:
    state = start(OBEDIENT)
    write_state(tmp_path / "server.json", state)
    assert read_state(tmp_path / "server.json") == state


def test_a_later_process_with_the_same_pid_is_not_taken_for_the_server(start: Start, tmp_path: Path) -> None:
    state = start(OBEDIENT)
    values = {"pid": state.pid, "started": "1", "ports": {}, "log": ""}
    (tmp_path / "server.json").write_text(json.dumps(values))
    assert read_state(tmp_path / "server.json") is None
    processes.stop(ServerState(pid=state.pid, started="1", ports={}, log=""))
    assert state.alive


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": 1}', '{"pid": 999999999, "started": "1", "ports": {}, "log": ""}'])
def test_a_stale_or_broken_state_file_means_that_nothing_runs(tmp_path: Path, content: str) -> None:
    (tmp_path / "server.json").write_text(content)
    assert read_state(tmp_path / "server.json") is None
    assert read_state(tmp_path / "missing.json") is None


def test_a_zombie_does_not_run(start: Start) -> None:
    state = start(OBEDIENT)
    os.kill(state.pid, signal.SIGKILL)
    until = time.monotonic() + 10
    while state.alive and time.monotonic() < until:
        time.sleep(0.01)
    assert not state.alive


@pytest.mark.parametrize("code", [OBEDIENT, STUBBORN], ids=["obedient", "stubborn"])
def test_a_server_is_stopped_even_if_it_does_not_listen(start: Start, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "STOP_AFTER_S", 0.5)
    state = start(code)
    processes.stop(state)
    assert not state.alive
    processes.stop(state)


def test_a_port_in_use_is_named_with_its_setting() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(EnvironmentMissing, match=f"port {port} on 127.0.0.1 is in use") as refused:
            check_ports("127.0.0.1", {"TRITON__GRPC_PORT": port})
    assert "GOESWITH_TRITON__GRPC_PORT" in refused.value.remedy
    check_ports("127.0.0.1", {"TRITON__GRPC_PORT": port})


def test_free_ports_are_distinct_and_free() -> None:
    ports = free_ports(3)
    assert len(set(ports)) == 3
    check_ports("127.0.0.1", {str(port): port for port in ports})


def test_what_a_server_that_ended_left_running_is_ended(tmp_path: Path) -> None:
    code = "import subprocess; print(subprocess.Popen(['sleep', '60'], stdout=subprocess.DEVNULL).pid, flush=True)"
    process = subprocess.Popen([sys.executable, "-c", code], start_new_session=True, stdout=subprocess.PIPE)
    child = int(process.communicate()[0])
    assert start_of(child) is not None
    processes.stop_group(ServerState(pid=process.pid, started="ended", ports={}, log=str(tmp_path / "log")))
    until = time.monotonic() + 5
    while start_of(child) is not None and time.monotonic() < until:
        time.sleep(0.05)
    assert start_of(child) is None
