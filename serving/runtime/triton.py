"""The local Triton: started from the wheel on loopback with explicit model control, found again, and stopped."""

import logging
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import tritonclient.grpc as grpc
from tritonclient.utils import InferenceServerException

from goeswith.errors import ModelUnavailable
from goeswith.ports import free_ports
from goeswith.profile import Profile
from goeswith.progress import progress
from goeswith.settings import TritonSettings
from serving.runtime import processes
from serving.runtime.environment import TritonEnvironment, load_environment

logger = logging.getLogger(__name__)

READY_AFTER_S = 120.0
STARTS = 3
ABORT = "boost::interprocess::lock_exception"
"""Triton's Python backend aborts now and then while its models' processes start (triton-inference-server/server#8882), or waits for one for ever:
a few starts are worth it, and models are loaded one after another."""
NO_MATTER = "CudaDriverHelper"
"""In an error that any server without a GPU logs."""
_POLL_S = 0.1
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - Triton's own place for its shared memory


class NotReady(ModelUnavailable):
    """A server that runs and has not loaded its models in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What a server is started with: ``folder`` takes its state and log."""

    settings: TritonSettings
    repository: Path
    folder: Path

    @property
    def state_path(self) -> Path:
        """Where the running server is written down."""
        return self.folder / "triton.json"

    @property
    def log(self) -> Path:
        """What the server that was started last has said."""
        return self.folder / "triton.log"

    @property
    def ports(self) -> dict[str, int]:
        """Ports by the setting that names them."""
        s = self.settings
        return {"TRITON__GRPC_PORT": s.grpc_port, "TRITON__HTTP_PORT": s.http_port, "TRITON__METRICS_PORT": s.metrics_port}


def launch_of(profile: Profile) -> Launch:
    """Return how the profile's own Triton is started."""
    return Launch(settings=profile.triton, repository=profile.model_repository, folder=profile.servers)


def find_triton(launch: Launch) -> processes.ServerState | None:
    """Return the running server, None where there is none."""
    return processes.read_state(launch.state_path)


def start_triton(launch: Launch, models: Sequence[str]) -> processes.ServerState:
    """Start Triton with ``models`` loaded and wait until all answer; a server that runs already is returned as it is.

    Raises ``EnvironmentMissing`` for a port in use, an old glibc or an environment that cannot be installed, and
    ``ModelUnavailable`` with the last error of the log where the server ends, with the models that it waits for where it is not ready in time.
    """
    running = find_triton(launch)
    if running:
        return running
    processes.check_ports(launch.settings.host, launch.ports)
    environment = load_environment()
    for _ in range(STARTS - 1):
        try:
            return _start(launch, environment, models)
        except ModelUnavailable as error:
            if not isinstance(error, NotReady) and not _has_aborted(launch):
                raise
            logger.warning("%s; starting it again", error.what)
    return _start(launch, environment, models)


def _start(launch: Launch, environment: TritonEnvironment, models: Sequence[str]) -> processes.ServerState:
    _remove_shared_memory(launch.settings.grpc_port)
    state = _spawn(launch, environment, models)
    try:
        _await_ready(launch, state, models)
    except BaseException:
        stop_triton(launch)
        processes.stop_group(state)  # one that aborted leaves its models' processes behind
        raise
    return state


def _has_aborted(launch: Launch) -> bool:
    """Return whether the server's log tells of the abort that another start gets around."""
    return ABORT in launch.log.read_text(encoding="utf-8", errors="replace")


def stop_triton(launch: Launch) -> bool:
    """Stop the server by its own pid; return whether there was one. A stale state file is removed."""
    state = find_triton(launch)
    if state:
        processes.stop(state)
        _remove_shared_memory(launch.settings.grpc_port)
    launch.state_path.unlink(missing_ok=True)
    return state is not None


@contextmanager
def temporary_triton(repository: Path, folder: Path, models: Sequence[str]) -> Iterator[grpc.InferenceServerClient]:
    """Run a Triton over ``repository`` on free ports for as long as the block lasts, and yield a client of it."""
    http, rpc, metrics = free_ports(3)
    settings = TritonSettings(host="127.0.0.1", grpc_port=rpc, http_port=http, metrics_port=metrics)
    launch = Launch(settings=settings, repository=repository, folder=folder)
    stop_triton(launch)  # one that a killed process left behind
    start_triton(launch, models)
    try:
        with client_of(settings) as client:
            yield client
    finally:
        stop_triton(launch)


@contextmanager
def client_of(settings: TritonSettings) -> Iterator[grpc.InferenceServerClient]:
    """Yield one gRPC client and close it: a client that is dropped unclosed leaks its channel."""
    client = grpc.InferenceServerClient(f"{settings.host}:{settings.grpc_port}")
    try:
        yield client
    finally:
        client.close()


def _spawn(launch: Launch, environment: TritonEnvironment, models: Sequence[str]) -> processes.ServerState:
    launch.folder.mkdir(parents=True, exist_ok=True)
    with launch.log.open("wb") as out:
        process = subprocess.Popen(  # noqa: S603 - the command is ours
            command_of(launch, environment, models),
            env=environment.variables(),
            stdout=out,
            stderr=out,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    started = processes.start_of(process.pid) or "ended"
    state = processes.ServerState(pid=process.pid, started=started, ports=launch.ports, log=str(launch.log))
    processes.write_state(launch.state_path, state)
    return state


def command_of(launch: Launch, environment: TritonEnvironment, models: Sequence[str]) -> list[str]:
    """Return the command line. Every address is named: Triton binds 0.0.0.0 otherwise."""
    s = launch.settings
    options = {
        "model-repository": launch.repository,
        "backend-directory": environment.backends,
        "model-control-mode": "explicit",
        "grpc-address": s.host,
        "grpc-port": s.grpc_port,
        "http-address": s.host,
        "http-port": s.http_port,
        "metrics-address": s.host,
        "metrics-port": s.metrics_port,
        "backend-config": f"python,shm-region-prefix-name={_prefix(s.grpc_port)}",
        "exit-timeout-secs": 10,
        "model-load-thread-count": 1,
        "allow-gpu-metrics": "false",
        "metrics-config": "summary_latencies=true",
        **_cache(s, environment),
    }
    named = [f"--{name}={value}" for name, value in options.items()]
    return [str(environment.server), "--disable-auto-complete-config", *named, *(f"--load-model={name}" for name in models)]


def _cache(settings: TritonSettings, environment: TritonEnvironment) -> dict[str, object]:
    size = settings.cache_mb * 2**20
    return {"cache-directory": environment.caches, "cache-config": f"local,size={size}"} if size else {}


def _prefix(grpc_port: int) -> str:
    return f"goeswith_{grpc_port}_"


def _remove_shared_memory(grpc_port: int) -> None:
    """A server that was killed leaves its regions behind; the port that names them is ours alone."""
    for region in _SHARED_MEMORY.glob(f"{_prefix(grpc_port)}*"):
        with suppress(OSError):
            shutil.rmtree(region) if region.is_dir() else region.unlink()


def _await_ready(launch: Launch, state: processes.ServerState, models: Sequence[str]) -> None:
    until = time.monotonic() + READY_AFTER_S
    with client_of(launch.settings) as client, progress("starting Triton", len(models), unit="models") as advance:
        waiting = list(models)
        while not is_live(client) or waiting:
            if not state.alive:
                raise ModelUnavailable(f"Triton did not start: {_last_error(Path(state.log))}", f"read {state.log}")
            if time.monotonic() > until:
                raise NotReady(f"Triton was not ready after {READY_AFTER_S:.0f} s, {', '.join(waiting) or 'itself'} is missing", f"read {state.log}")
            ready = [name for name in waiting if _model_ready(client, name)]
            waiting = [name for name in waiting if name not in ready]
            advance(len(ready), "")
            time.sleep(_POLL_S)


def is_live(client: grpc.InferenceServerClient) -> bool:
    """Return whether a Triton answers."""
    try:
        return bool(client.is_server_live())
    except InferenceServerException:
        return False


def _model_ready(client: grpc.InferenceServerClient, name: str) -> bool:
    try:
        return bool(client.is_model_ready(name))
    except InferenceServerException:
        return False


def _last_error(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    errors = [line for line in lines if re.match(r"[EF]\d{4}|error:|terminate called", line) and NO_MATTER not in line]
    told = errors or lines[-1:] or ["it wrote nothing"]
    return told[-1].strip()
