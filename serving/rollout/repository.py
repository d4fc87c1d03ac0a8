"""The model repository on disk: one number a version across all models, and a manifest that names the current one.

What the manifest does not name is what a killed publish left behind: it is never served, and removed by the next.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from goeswith.errors import ModelUnavailable
from goeswith.model_contract import MANIFEST, ExportManifest, ModelSpec, Precision
from goeswith.profile import PROJECT_ROOT
from goeswith.results import write_json
from serving.rollout.triton_config import Target, triton_config

CODE = PROJECT_ROOT / "model_repository"
"""The models' code, which is copied into each version: a version is whole in itself."""
KEEP = 3
STAGING = ".staging"


class Published(BaseModel):
    """The manifest of the repository: the current version, what it is made of, and the versions that can be gone back to."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: int
    kept: tuple[int, ...]
    run: str
    release: str
    made_from: str
    """Fingerprint of the export and of the models' code."""
    precision: Precision = "float32"
    """That of the item encoder; manifests from before there was a choice do not say it."""
    models: tuple[ModelSpec, ...]
    metrics: tuple[Mapping[str, Any], ...]
    feature_names: tuple[str, ...]


def read_published(repository: Path) -> Published | None:
    """Return the manifest, or None before the first version."""
    path = repository / MANIFEST
    return Published.model_validate_json(path.read_bytes()) if path.exists() else None


def require_published(repository: Path) -> Published:
    """Return the manifest. Raises ``ModelUnavailable`` before the first version."""
    published = read_published(repository)
    if published is None:
        raise ModelUnavailable("no model version was published yet", "run: goeswith demo, or goeswith run train and goeswith run publish")
    return published


def write_published(repository: Path, published: Published) -> None:
    """Make a version the current one: atomic, and the last step of a publish."""
    write_json(repository / MANIFEST, published.model_dump(mode="json"))


@contextmanager
def locked(repository: Path) -> Iterator[None]:
    """Let one process at a time change the repository; the kernel frees the lock of one that dies."""
    repository.mkdir(parents=True, exist_ok=True)
    with (repository / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def kept_versions(repository: Path) -> tuple[int, ...]:
    """Return the versions that the manifest names; none before the first."""
    published = read_published(repository)
    return published.kept if published else ()


def next_version(published: Published | None) -> int:
    """Return the number of the version that comes after all that are kept."""
    return max(published.kept) + 1 if published else 1


def build_staging(repository: Path, export: Path, manifest: ExportManifest, version: int) -> Path:
    """Assemble a whole repository that holds nothing but the new version, beside the live one."""
    staging = repository / STAGING
    shutil.rmtree(staging, ignore_errors=True)
    for spec in manifest.models:
        folder = staging / spec.name / str(version)
        _copy_files(export / spec.name, folder)
        if spec.platform != "ensemble":
            _copy_code(folder)
        _sync(folder)
    write_configs(staging, manifest.models, "wheel", [version])
    return staging


def _copy_files(source: Path, folder: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, folder)
    else:
        folder.mkdir(parents=True)


def _copy_code(folder: Path) -> None:
    for module in sorted(CODE.glob("*.py")):
        shutil.copy2(module, folder / module.name)


def _sync(folder: Path) -> None:
    """Bring a folder's files to the disk: the manifest must never name files that a power cut took."""
    for path in [*folder.rglob("*"), folder]:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def adopt_staging(repository: Path, models: Sequence[ModelSpec], version: int) -> None:
    """Move the staged version's folders into the live repository; no config names them yet, so nothing serves them."""
    for spec in models:
        target = repository / spec.name / str(version)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(target, ignore_errors=True)
        (repository / STAGING / spec.name / str(version)).rename(target)
        _sync(target.parent)
    shutil.rmtree(repository / STAGING)


def write_configs(repository: Path, models: Sequence[ModelSpec], target: Target, versions: Sequence[int]) -> None:
    """Write each model's config so that a load brings up exactly ``versions``; an ensemble has the last alone."""
    for spec in models:
        served = versions[-1:] if spec.platform == "ensemble" else versions
        path = repository / spec.name / "config.pbtxt"
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(".config.pbtxt")
        beside.write_text(triton_config(spec, target, served), encoding="utf-8")
        beside.replace(path)


def remove_unnamed(repository: Path, kept: Sequence[int]) -> None:
    """Remove each version that the manifest does not name, and a left-over staging folder."""
    shutil.rmtree(repository / STAGING, ignore_errors=True)
    for folder in repository.glob("*/[0-9]*"):
        if folder.name.isdigit() and int(folder.name) not in kept:
            shutil.rmtree(folder)
