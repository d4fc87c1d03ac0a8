"""Which packages an image holds: what its Dockerfile asks uv for, and the lists that it installs beside."""

import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from goeswith.profile import PROJECT_ROOT
from infra.check.tools import find

DOCKER = PROJECT_ROOT / "infra" / "docker"
PROJECT, TRITON = "project", "triton"
"""The environments whose packages state their licences: the repository's own, and that of the Triton wheel."""
LOCKED = re.compile(r"uv (?:export|sync) --frozen((?:[^>&\n\\]|\\\n)*)")
TAKEN = re.compile(r"--(?:extra|prune) [\w-]+")
LISTS = re.compile(r"COPY infra/docker/(\w+\.txt)")
BASES = {"airflow": "jobs"}
"""Image -> the image of ours that it is built on."""


def images() -> list[str]:
    """Return the images that there are."""
    return sorted(path.name.removesuffix(".Dockerfile") for path in DOCKER.glob("*.Dockerfile"))


def packages_of(image: str) -> dict[str, str]:
    """Return the canonical name -> version of the Python packages that an image installs. Raises ``EnvironmentMissing`` without uv."""
    text = (DOCKER / f"{image}.Dockerfile").read_text(encoding="utf-8")
    found = _named((DOCKER / name).read_text(encoding="utf-8") for name in LISTS.findall(text))
    asked = LOCKED.search(text)
    if asked:
        found |= _named([_export(TAKEN.findall(asked[1]))])
    return {**(packages_of(BASES[image]) if image in BASES else {}), **found}


def _export(options: list[str]) -> str:
    words = [find("uv", "run: make setup"), "export", "--frozen", "--no-dev", "--no-emit-local", "--no-hashes", "--quiet", *" ".join(options).split()]
    return subprocess.run(words, cwd=PROJECT_ROOT, capture_output=True, text=True, check=True).stdout  # noqa: S603 - our own words


def _named(lists: Iterable[str]) -> dict[str, str]:
    """Return the pinned packages of requirement lists whose markers hold here: Linux, and the Python that images have."""
    lines = (line.strip().removesuffix("\\") for text in lists for line in text.splitlines() if line and line[0] not in " #")
    wanted = [Requirement(line) for line in lines]
    chosen = [each for each in wanted if each.marker is None or each.marker.evaluate()]
    return {canonicalize_name(each.name): str(each.specifier).removeprefix("==") for each in chosen}


def environments_of(image: str) -> tuple[str, ...]:
    """Return the environments that an image's packages are described by; one that holds our jobs holds the Triton wheel's as a whole, too."""
    return {"triton": (TRITON,), "jobs": (PROJECT, TRITON), "airflow": (PROJECT, TRITON)}.get(image, (PROJECT,))


def holds_jars(image: str) -> bool:
    """Return whether an image runs Spark."""
    return "jobs" in (image, BASES.get(image))


def jar_folders(packages: Path, fetched: Iterable[Path]) -> list[Path]:
    """Return the folders of the JARs that Spark runs with: its own, and those that we fetched for it."""
    return [packages / "pyspark" / "jars", *fetched]
