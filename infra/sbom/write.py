"""Bills and licence reports of all images, from the environments that are installed here by the same locks."""

import json
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from goeswith.profile import PROJECT_ROOT
from goeswith.results import write_atomically
from infra.sbom import images
from infra.sbom.bom import cut, read_environment, read_jars
from infra.sbom.licences import POLICY, look_at, read_policy, report


def write_all(folder: Path) -> list[str]:
    """Write ``IMAGE.cdx.json`` and ``IMAGE.licences.md`` for every image; return a sentence for each part whose licence is not accepted.

    Raises ``EnvironmentMissing`` where the locked environments or the tools are not here and cannot be fetched.
    """
    from serving.runtime.environment import load_environment
    from spark_jobs.jars import FETCHED, local_jars

    bills = {images.PROJECT: read_environment(Path(sys.executable)), images.TRITON: read_environment(load_environment().root / "bin" / "python")}
    jars = read_jars(images.jar_folders(Path(_purelib()), map(local_jars, FETCHED)))
    return [line for image in images.images() for line in _write(folder, image, bills, jars)]


def _write(folder: Path, image: str, bills: Mapping[str, Any], jars: list[Mapping[str, Any]]) -> list[str]:
    first, *whole = (bills[name] for name in images.environments_of(image))
    bill = cut(image, _version(), images.packages_of(image), first, whole, jars if images.holds_jars(image) else [])
    parts = look_at(bill["components"], read_policy())
    write_atomically(folder / f"{image}.cdx.json", json.dumps(bill, indent=1) + "\n")
    write_atomically(folder / f"{image}.licences.md", report(image, parts))
    return [f"{image}: {p.name} {p.version}: the licence {p.licence!r} is not accepted; see {POLICY}" for p in parts if not p.why]


def _version() -> str:
    version: str = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    return version


def _purelib() -> str:
    import sysconfig

    return sysconfig.get_paths()["purelib"]
