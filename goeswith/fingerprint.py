"""Fingerprints of code, parameters and files: what a step depends on, so that only what changed is done again."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from goeswith.profile import PROJECT_ROOT

CODE_SUFFIXES = (".py", ".txt", ".yaml", ".pbtxt")


def of_values(*values: Any) -> str:
    """Return sha256 over JSON values (order of keys does not matter)."""
    return hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest()


def of_code(folders: Iterable[str]) -> str:
    """Return sha256 over the code files of the project's top-level ``folders``."""
    digest = hashlib.sha256()
    for folder in sorted(folders):
        for path in sorted((PROJECT_ROOT / folder).rglob("*")):
            if path.suffix in CODE_SUFFIXES and path.is_file():
                digest.update(str(path.relative_to(PROJECT_ROOT)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def of_files(path: Path | None) -> str:
    """Return sha256 over names, sizes and times of the files at ``path`` (contents of data may be gigabytes)."""
    if path is None or not path.exists():
        return ""
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    return of_values([(str(p.relative_to(path.parent)), p.stat().st_size, p.stat().st_mtime_ns) for p in files])
