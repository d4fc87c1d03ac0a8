"""The gateway as a process of its own: started, found again, and stopped."""

import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from goeswith.errors import ModelUnavailable
from goeswith.profile import PROJECT_ROOT, Profile
from goeswith.progress import progress
from serving.gateway.exposure import check_exposure
from serving.runtime import processes

READY_AFTER_S = 180.0
_POLL_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayStatus:
    """Whether the gateway runs, and where."""

    running: bool
    address: str
    pid: int | None


def gateway_address(profile: Profile) -> str:
    """Return the gateway's base URL."""
    scheme = "https" if profile.gateway.tls.certificate else "http"
    return f"{scheme}://{profile.gateway.host}:{profile.gateway.port}"


def start_gateway(profile: Profile) -> processes.ServerState:
    """Start the gateway and wait until it answers; one that runs already is returned as it is.

    Raises ``ConfigError`` where it would be open to others or its certificates cannot be read, ``EnvironmentMissing`` for a port in use
    and ``ModelUnavailable``, with the end of the log, where it ends or is not ready in time.
    """
    running = find_gateway(profile)
    if running:
        return running
    check_exposure(profile)
    processes.check_ports(profile.gateway.host, {"GATEWAY__PORT": profile.gateway.port})
    profile.servers.mkdir(parents=True, exist_ok=True)
    state = _launch(profile, profile.servers / "gateway.log")
    processes.write_state(_state_path(profile), state)
    _wait_until_ready(profile, state)
    return state


def find_gateway(profile: Profile) -> processes.ServerState | None:
    """Return the running gateway, or None."""
    return processes.read_state(_state_path(profile))


def stop_gateway(profile: Profile) -> bool:
    """Stop the gateway; return whether there was one."""
    state = find_gateway(profile)
    if state:
        processes.stop(state)
    _state_path(profile).unlink(missing_ok=True)
    return state is not None


def gateway_status(profile: Profile) -> GatewayStatus:
    """Return whether the gateway runs, and where."""
    state = find_gateway(profile)
    return GatewayStatus(running=state is not None, address=gateway_address(profile), pid=state.pid if state else None)


def _state_path(profile: Profile) -> Path:
    return profile.servers / "gateway.json"


def _launch(profile: Profile, log: Path) -> processes.ServerState:
    command = [sys.executable, "-m", "serving.gateway.serve"]
    with log.open("wb") as out:
        process = subprocess.Popen(  # noqa: S603 - this interpreter, this module
            command, cwd=PROJECT_ROOT, env=_environment(profile), stdout=out, stderr=subprocess.STDOUT, start_new_session=True
        )
    started = processes.start_of(process.pid) or ""
    return processes.ServerState(pid=process.pid, started=started, ports={"GATEWAY__PORT": profile.gateway.port}, log=str(log))


def _environment(profile: Profile) -> dict[str, str]:
    """Return the environment in which the process reads this very profile."""
    chosen = {"TRITON": profile.triton.model_dump_json(), "S3": profile.s3.model_dump_json()}
    sections = {"GATEWAY": profile.gateway.model_dump_json(exclude={"ask"}), **chosen}
    settings = {"PROFILE": profile.profile, "HOME": str(profile.root), "LAKE": profile.lake, **sections}
    single = tuple(f"GOESWITH_{name}__" for name in sections)  # each would win over its section, and stands in it already
    inherited = {name: value for name, value in os.environ.items() if not name.upper().startswith(single)}
    return {**inherited, **{f"GOESWITH_{name}": value for name, value in settings.items()}}


def _wait_until_ready(profile: Profile, state: processes.ServerState) -> None:
    until = time.monotonic() + READY_AFTER_S
    with progress("start the gateway", None) as advance:
        while time.monotonic() < until and state.alive:
            if _answers(profile):
                return
            time.sleep(_POLL_S)
            advance(1, "")
    processes.stop(state)
    last = Path(state.log).read_text(encoding="utf-8", errors="replace").strip().rpartition("\n")[2]
    raise ModelUnavailable(f"the gateway did not start: {last}", f"read {state.log}")


def _answers(profile: Profile) -> bool:
    """Return whether it listens: it does so once all is loaded, and whether we could ask depends on its keys and certificates."""
    try:
        with socket.create_connection((profile.gateway.host, profile.gateway.port), timeout=5):
            return True
    except OSError:
        return False
