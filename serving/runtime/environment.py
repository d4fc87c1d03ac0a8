"""Triton's own environment: the server from its PyPI wheel, and what its Python backend needs beside it."""

import hashlib
import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from goeswith.errors import EnvironmentMissing
from goeswith.profile import PROJECT_ROOT

PROJECT = PROJECT_ROOT / "infra" / "triton"
GLIBC = (2, 35)
"""The oldest glibc that the wheel's server runs on."""
PYTHON = "3.11"
REMEDY = "use Debian 12, Ubuntu 22.04 or later on x86-64, or point GOESWITH_TRITON__HOST at a Triton that runs elsewhere"


@dataclass(frozen=True, slots=True)
class TritonEnvironment:
    """Where the parts of one installed environment lie."""

    root: Path

    @property
    def packages(self) -> Path:
        """The environment's site-packages."""
        return self.root / "lib" / f"python{PYTHON}" / "site-packages"

    @property
    def server(self) -> Path:
        """The server's binary."""
        return self.packages / "pytriton" / "tritonserver" / "bin" / "tritonserver"

    @property
    def backends(self) -> Path:
        """Our copy of the wheel's backends, with the stub of the environment's Python beside the backend."""
        return self.root / "backends"

    @property
    def caches(self) -> Path:
        """The wheel's cache of answers."""
        return self.packages / "pytriton" / "tritonserver" / "caches"

    def variables(self) -> dict[str, str]:
        """Return the environment variables that the server runs under: its libraries, its Python first on the path."""
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("PYTHON")},
            "LD_LIBRARY_PATH": str(self.packages / "nvidia_pytriton.libs"),
            "PATH": f"{self.root / 'bin'}:{os.environ.get('PATH', '')}",
            "VIRTUAL_ENV": str(self.root),
            "OMP_NUM_THREADS": "1",
        }


def load_environment() -> TritonEnvironment:
    """Return the locked environment, installed on the first call on a machine.

    It is shared by every home: its folder is named by the lock's hash. Raises ``EnvironmentMissing``.
    """
    check_platform(platform.machine(), platform.libc_ver())
    environment = TritonEnvironment(_cache() / f"triton-env-{_lock_hash()}")
    if not environment.server.is_file():
        _install(environment.root)
    if not environment.backends.is_dir():
        _copy_backends(environment)
    return environment


def check_platform(machine: str, libc: tuple[str, str]) -> None:
    """Raise ``EnvironmentMissing`` where the wheel's server cannot run."""
    name, version = libc
    parts = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if machine != "x86_64" or name != "glibc" or parts < GLIBC:
        here = f"{machine}, {name or 'no glibc'} {version}"
        raise EnvironmentMissing(f"Triton's wheel needs x86-64 and glibc {GLIBC[0]}.{GLIBC[1]}: this is {here}", REMEDY)


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "goeswith"


def _lock_hash() -> str:
    return hashlib.sha256((PROJECT / "uv.lock").read_bytes()).hexdigest()[:12]


def _install(root: Path) -> None:
    uv = shutil.which("uv")
    if uv is None:
        raise EnvironmentMissing("Triton's environment is not installed, and there is no uv to install it with", "run: make setup")
    command = [uv, "sync", "--project", str(PROJECT), "--frozen", "--quiet"]
    done = subprocess.run(command, env={**os.environ, "UV_PROJECT_ENVIRONMENT": str(root)}, capture_output=True, text=True, check=False)  # noqa: S603 - no user input in it
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise EnvironmentMissing(f"Triton's environment cannot be installed: {last}", f"run: UV_PROJECT_ENVIRONMENT={root} {' '.join(command)}")


def _copy_backends(environment: TritonEnvironment) -> None:
    wheel = environment.packages / "pytriton" / "tritonserver"
    beside = environment.root / f".backends.{os.getpid()}"
    shutil.copytree(wheel / "backends", beside)
    stub = wheel / "python_backend_stubs" / PYTHON / "triton_python_backend_stub"
    shutil.copy2(stub, beside / "python" / stub.name)
    try:
        beside.rename(environment.backends)
    except OSError:  # another process made the same copy meanwhile
        shutil.rmtree(beside)
