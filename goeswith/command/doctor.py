"""``goeswith doctor``: what is here, and what to do about what is not."""

import json
import os
import platform
import shutil
import socket
import subprocess
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from goeswith.errors import GoeswithError
from goeswith.profile import Profile, load_profile

PACKAGES = (
    "pyspark",
    "delta-spark",
    "deltalake",
    "feast",
    "torch",
    "transformers",
    "torch-geometric",
    "tritonclient",
    "great-expectations",
    "apache-airflow",
)
NEEDED_DISK_GB = 5
NEEDED_MEMORY_GB = 10
JAVA_MAJOR = 17
GLIBC = (2, 35)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: ``state`` is ok, warn or missing; ``remedy`` is what to do where it is not ok."""

    name: str
    state: str
    found: str
    remedy: str = ""


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Say what is here (Java, glibc, ports, disk, memory, packages, GPU, weights) and what to do about what is not.

    Example: goeswith doctor --json
    """
    checks = [check for look in LOOKS for check in look(load_profile())]
    if as_json:
        typer.echo(json.dumps([asdict(check) for check in checks], indent=1))
    else:
        _show(checks)
    if any(check.state == "missing" for check in checks):
        raise typer.Exit(3)


def _show(checks: list[Check]) -> None:
    table = Table("", "what", "found", "what to do", box=None)
    colours = {"ok": "green", "warn": "yellow", "missing": "red"}
    for check in checks:
        table.add_row(f"[{colours[check.state]}]{check.state}[/]", check.name, check.found, check.remedy)
    Console().print(table)


def look_at_java(_profile: Profile) -> list[Check]:
    """Spark needs a Java 17 or later on the PATH (or JAVA_HOME)."""
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=os.pathsep.join([*([f"{home}/bin"] if home else []), os.environ.get("PATH", "")]))
    remedy = "apt-get install -y openjdk-17-jre-headless"
    if java is None:
        return [Check("Java", "missing", "not on the PATH", remedy)]
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr  # noqa: S603 - found on the PATH
    major = int("".join(filter(str.isdigit, said.partition('"')[2].split(".")[0])) or 0)
    return [
        Check(
            "Java", "ok" if major >= JAVA_MAJOR else "missing", said.splitlines()[0] if said else "no answer", "" if major >= JAVA_MAJOR else remedy
        )
    ]


def look_at_glibc(_profile: Profile) -> list[Check]:
    """The Triton wheel needs Linux x86-64 with glibc 2.35 or later."""
    name, found = platform.libc_ver()
    good = name == "glibc" and tuple(map(int, found.split(".")[:2])) >= GLIBC and platform.machine() == "x86_64"
    remedy = "" if good else "serve with Triton's container instead: the wheel needs x86-64 and glibc 2.35 or later"
    return [Check("Triton's platform", "ok" if good else "missing", f"{platform.machine()}, {name} {found}", remedy)]


def look_at_ports(profile: Profile) -> list[Check]:
    """The servers' ports are free, or ours."""
    triton, gateway = profile.triton, profile.gateway
    ports = {"Triton gRPC": (triton.host, triton.grpc_port), "Triton HTTP": (triton.host, triton.http_port), "gateway": (gateway.host, gateway.port)}
    return [_port(name, *where) for name, where in ports.items()]


def _port(name: str, host: str, port: int) -> Check:
    with socket.socket() as probe:
        probe.settimeout(0.3)
        used = probe.connect_ex((host, port)) == 0
    remedy = "fine if it is ours (goeswith status); else set another port by GOESWITH_TRITON__GRPC_PORT, ..." if used else ""
    return Check(f"port of {name}", "warn" if used else "ok", f"{host}:{port} {'in use' if used else 'free'}", remedy)


def look_at_room(profile: Profile) -> list[Check]:
    """Disk below the home, and memory."""
    existing = next(p for p in (profile.root, *profile.root.parents) if p.exists())
    disk = shutil.disk_usage(existing).free / 2**30
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return [
        Check(
            "disk",
            "ok" if disk >= NEEDED_DISK_GB else "missing",
            f"{disk:.0f} GB free",
            "" if disk >= NEEDED_DISK_GB else f"free {NEEDED_DISK_GB} GB, or set GOESWITH_HOME",
        ),
        Check(
            "memory",
            "ok" if memory >= NEEDED_MEMORY_GB else "warn",
            f"{memory:.0f} GB",
            "" if memory >= NEEDED_MEMORY_GB else "the demo needs about 10 GB at its peak",
        ),
        Check("processors", "ok", f"{os.cpu_count()}"),
    ]


def look_at_packages(_profile: Profile) -> list[Check]:
    """The packages of the locked environment."""
    return [_package(name) for name in PACKAGES]


def _package(name: str) -> Check:
    try:
        return Check(name, "ok", version(name))
    except PackageNotFoundError:
        return Check(name, "missing", "not installed", "uv sync --frozen")


def look_at_gpu(_profile: Profile) -> list[Check]:
    """A GPU is welcome and not needed: the small recipes run on two CPU cores."""
    there = Path("/dev/nvidia0").exists()
    return [Check("GPU", "ok", "NVIDIA device" if there else "none: training takes the CPU recipes")]


def look_at_judge(profile: Profile) -> list[Check]:
    """Which judge the profile leads to."""
    from spark_jobs.judges import build_judge

    try:
        return [Check("judge", "ok", build_judge(profile.judge).name)]
    except GoeswithError as error:
        return [Check("judge", "missing", error.what, error.remedy)]


def look_at_profile(profile: Profile) -> list[Check]:
    """Where things go."""
    return [Check("profile", "ok", f"{profile.profile}: home {profile.root}, lake {profile.lake_uri}")]


def look_at_store(profile: Profile) -> list[Check]:
    """The lake's object store answers, lets us in, and refuses the second of two writers."""
    from goeswith.store_probe import refuses_second

    if not profile.on_s3:
        return []
    try:
        apart = refuses_second(profile)
    except GoeswithError as error:
        return [Check("object store", "missing", error.what, error.remedy)]
    found = "answers, and refuses the second of two writers" if apart else "lets a writer write over another's commit"
    return [Check("object store", "ok" if apart else "missing", found, "" if apart else "use one that knows conditional writes (If-None-Match)")]


LOOKS: tuple[Callable[[Profile], list[Check]], ...] = (
    look_at_profile,
    look_at_store,
    look_at_java,
    look_at_glibc,
    look_at_room,
    look_at_ports,
    look_at_gpu,
    look_at_judge,
    look_at_packages,
)
