"""Servers as processes of their own: found again by pid and start time, stopped by their own pid, never by name."""

import json
import os
import signal
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from goeswith.errors import EnvironmentMissing
from goeswith.results import write_json

STOP_AFTER_S = 20.0
_POLL_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerState:
    """A server that was started: ``started`` tells it from a later process that got the same pid."""

    pid: int
    started: str
    ports: Mapping[str, int]
    log: str
    extra: Mapping[str, str] = field(default_factory=dict)

    @property
    def alive(self) -> bool:
        """Whether this very process still runs."""
        return start_of(self.pid) == self.started


def start_of(pid: int) -> str | None:
    """Return the kernel's start time of a process, None where there is no such process, or only its zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]


def read_state(path: Path) -> ServerState | None:
    """Return the server that a state file names if it is still alive; None for a stale or missing file."""
    try:
        state = ServerState(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return state if state.alive else None


def write_state(path: Path, state: ServerState) -> None:
    """Write the state file atomically."""
    write_json(path, asdict(state))


def check_ports(host: str, ports: Mapping[str, int]) -> None:
    """Raise ``EnvironmentMissing`` that names the first port (setting -> port) on which something listens already."""
    for setting, port in ports.items():
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                remedy = f"stop what listens there, or set GOESWITH_{setting} to a free port"
                raise EnvironmentMissing(f"port {port} on {host} is in use ({error.strerror})", remedy) from error


def stop(state: ServerState) -> None:
    """End a server that leads its own process group: politely, then for good. A dead one is left in peace."""
    if state.alive:
        _signal(state.pid, signal.SIGTERM)
        if not _gone(state, STOP_AFTER_S):
            _signal(state.pid, signal.SIGKILL)
            _gone(state, STOP_AFTER_S)


def stop_group(state: ServerState) -> None:
    """End what a server that has just ended by itself left running in its process group."""
    _signal(state.pid, signal.SIGKILL)


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, number)


def _gone(state: ServerState, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while state.alive and time.monotonic() < until:
        time.sleep(_POLL_S)
    return not state.alive
