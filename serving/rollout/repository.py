"""The model repository on disk: one number a version across all models, beside the manifest that says which of them are served.

What the manifest does not name is what a killed publish left behind: it is never served, and removed by the next.
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from goeswith.model_contract import GOLDEN, ExportManifest, ModelSpec, hash_files
from goeswith.profile import PROJECT_ROOT
from goeswith.results import write_atomically
from goeswith.settings import TritonSettings
from serving.rollout.manifest import Published, Version
from serving.rollout.triton_config import Target, triton_config, warm_up_files

CODE = PROJECT_ROOT / "model_repository"
"""The models' code, which is copied into each version: a version is whole in itself."""
NO_BYTE_CODE = "__pycache__"
"""An empty file where Python would make a folder: the Python backend's interpreter ignores PYTHONDONTWRITEBYTECODE, and byte code beside the
models would be executed unchecked, and make a version look changed to Triton, which then loads it again."""
STAGING = ".staging"
GOLDEN_FOLDER = ".golden"
"""Holds each version's golden requests: they are asked again long after the export may be gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """The versions that a Triton holds: the ``current`` one, and those ``beside`` it, which are asked by their number."""

    current: int
    beside: tuple[int, ...] = ()

    @property
    def versions(self) -> tuple[int, ...]:
        """All of them in order."""
        return tuple(sorted({self.current, *self.beside}))


def serving_of(published: Published) -> Serving:
    """Return what a Triton must hold at least."""
    return Serving(current=published.version, beside=tuple(version.version for version in published.served[1:]))


def alias(name: str, version: int) -> str:
    """Return the name of an ensemble that stands beside the current one: its steps are pinned, so each version is a model of its own."""
    return f"{name}_v{version}"


def names_of(models: Sequence[ModelSpec], version: int) -> dict[str, str]:
    """Return model -> name for the models of a version beside the current one that have another name."""
    return {spec.name: alias(spec.name, version) for spec in models if spec.platform == "ensemble"}


def model_names(models: Sequence[ModelSpec], serving: Serving) -> list[str]:
    """Return what is loaded, in the order of the spec: an ensemble stands behind the models that it is made of."""
    return [*(spec.name for spec in models), *(name for version in serving.beside for name in names_of(models, version).values())]


@contextmanager
def locked(repository: Path) -> Iterator[None]:
    """Let one process at a time change the repository; the kernel frees the lock of one that dies."""
    repository.mkdir(parents=True, exist_ok=True)
    with (repository / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def next_version(repository: Path, published: Published | None) -> int:
    """Return a number that no version has had, not even one that a killed publish may have loaded: Triton remembers answers by number."""
    on_disk = [int(folder.name) for folder in repository.glob("*/[0-9]*") if folder.name.isdigit()]
    named = [*published.kept, *(event.version for event in published.history)] if published else []
    return max([*on_disk, *named], default=0) + 1


def build_staging(repository: Path, export: Path, manifest: ExportManifest, version: int) -> Path:
    """Assemble all folders of the new version beside the live repository, on disk for good."""
    staging = repository / STAGING
    shutil.rmtree(staging, ignore_errors=True)
    for spec in manifest.models:
        folder = staging / spec.name / str(version)
        _copy_files(export / spec.name, folder)
        if spec.platform != "ensemble":
            _copy_code(folder)
        _sync(folder)
    golden = staging / GOLDEN_FOLDER / str(version)
    golden.mkdir(parents=True)
    shutil.copy2(export / GOLDEN, golden / GOLDEN)
    _sync(golden)
    return staging


def _copy_files(source: Path, folder: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, folder)
    else:
        folder.mkdir(parents=True)


def _copy_code(folder: Path) -> None:
    for module in sorted(CODE.glob("*.py")):
        shutil.copy2(module, folder / module.name)
    (folder / NO_BYTE_CODE).touch()


def code_hashes() -> dict[str, str]:
    """Return the sha256 of each file that is copied beside a model's own."""
    modules = {path: digest for path, digest in hash_files(CODE).items() if path.endswith(".py") and "/" not in path}
    return {**modules, NO_BYTE_CODE: hashlib.sha256(b"").hexdigest()}


def _sync(folder: Path) -> None:
    """Bring a folder's files to the disk: the manifest must never name files that a power cut took."""
    for path in [*folder.rglob("*"), folder]:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def adopt_staging(repository: Path, version: int) -> None:
    """Move the staged version's folders into the live repository; no config names them yet, so nothing serves them."""
    for staged in sorted((repository / STAGING).glob(f"*/{version}")):
        target = repository / staged.parent.name / staged.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(target, ignore_errors=True)
        staged.rename(target)
        _sync(target)
    shutil.rmtree(repository / STAGING)


def link_version(repository: Path, version: Version, folder: Path) -> None:
    """Make ``folder`` a repository of nothing but one version, whose files stay where they are."""
    shutil.rmtree(folder, ignore_errors=True)
    for spec in version.models:
        (folder / spec.name).mkdir(parents=True)
        (folder / spec.name / str(version.version)).symlink_to(repository / spec.name / str(version.version))


def write_configs(repository: Path, models: Sequence[ModelSpec], target: Target, serving: Serving, settings: TritonSettings) -> None:
    """Write each model's config and warm-up requests so that a load brings up exactly ``serving``; what says so already stays untouched."""
    for spec in models:
        alone = spec.platform == "ensemble"
        _write_config(repository, spec, target, [serving.current] if alone else serving.versions, settings)
        for version in serving.beside if alone else ():
            beside = spec.model_copy(update={"name": alias(spec.name, version)})
            (repository / beside.name / str(version)).mkdir(parents=True, exist_ok=True)
            _write_config(repository, beside, target, [version], settings)


def _write_config(repository: Path, spec: ModelSpec, target: Target, versions: Sequence[int], settings: TritonSettings) -> None:
    files = {f"warmup/{name}": content for name, content in warm_up_files(spec).items()}
    files["config.pbtxt"] = triton_config(spec, target, versions, settings).encode()
    for name, content in files.items():
        path = repository / spec.name / name
        if not path.exists() or path.read_bytes() != content:  # a file that is newer makes Triton load all versions again
            write_atomically(path, content)


def remove_unnamed(repository: Path, kept: Sequence[int]) -> None:
    """Remove each version that the manifest does not name, and a left-over staging folder."""
    shutil.rmtree(repository / STAGING, ignore_errors=True)
    for folder in repository.glob("*/[0-9]*"):
        if folder.name.isdigit() and int(folder.name) not in kept:
            shutil.rmtree(folder)


def find_aliases(repository: Path, models: Sequence[ModelSpec]) -> list[str]:
    """Return the ensembles that stand, or stood, beside the current one."""
    patterns = [f"{spec.name}_v[0-9]*" for spec in models if spec.platform == "ensemble"]
    return sorted(path.name for pattern in patterns for path in repository.glob(pattern))


def files_of(manifest: ExportManifest, version: int) -> dict[str, str]:
    """Return the sha256 of each file of a version by its path in the repository, as the export states it."""
    code = code_hashes()
    found = {f"{GOLDEN_FOLDER}/{version}/{GOLDEN}": manifest.files[GOLDEN]}
    for spec in manifest.models:
        own = {path.removeprefix(f"{spec.name}/"): digest for path, digest in manifest.files.items() if path.startswith(f"{spec.name}/")}
        inside = {**own, **(code if spec.platform != "ensemble" else {})}
        found |= {f"{spec.name}/{version}/{path}": digest for path, digest in inside.items()}
    return found
