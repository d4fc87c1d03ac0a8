"""What a backup is made of: its list of files with their hashes, and the copying of one file at a time."""

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO

from goeswith.errors import SourceUnreadable
from goeswith.results import write_json

LIST = "backup.json"
"""Written last: a folder without it is no backup."""
FORMAT = 1
HOME, LAKE = "home", "lake"
CHUNK = 2**20
KEPT = (".golden",)
"""What is hidden and yet no lock and nothing half-written: the golden answers of published models."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """What a backup holds: ``files`` maps paths below it to their sha256; ``folders`` stand empty. ``versions`` are the tables' newest."""

    created_at: str
    versions: Mapping[str, int]
    files: Mapping[str, str]
    folders: tuple[str, ...] = ()
    format: int = field(default=FORMAT)

    @property
    def name(self) -> str:
        """What tells this backup from others."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    def write(self, folder: Path) -> None:
        """Write the list, which makes the folder a backup."""
        write_json(folder / LIST, asdict(self))


def read_backup(folder: Path) -> Backup:
    """Return what a backup holds. Raises ``SourceUnreadable`` for a folder that is none, or not a whole one."""
    path = folder / LIST
    if not path.is_file():
        raise SourceUnreadable(f"{folder} is no whole backup: it has no {LIST}", "name the folder that 'goeswith backup' ended with")
    found = json.loads(path.read_text(encoding="utf-8"))
    if found["format"] != FORMAT:
        raise SourceUnreadable(f"{folder} is a backup of format {found['format']}, not {FORMAT}", "restore it by the version that made it")
    return Backup(**{**found, "folders": tuple(found["folders"])})


def check_backup(folder: Path, backup: Backup) -> None:
    """Raise ``SourceUnreadable`` that names the first file which is not what was backed up."""
    for path, digest in backup.files.items():
        file = folder / path
        if not file.is_file() or hash_file(file) != digest:
            raise SourceUnreadable(f"{file} is {'damaged' if file.exists() else 'gone'}", "restore another backup")


def hash_file(path: Path) -> str:
    """Return a file's sha256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def copy_stream(source: IO[bytes], target: Path) -> str:
    """Write a file and return its sha256."""
    digest = hashlib.sha256()
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as out:
        while chunk := source.read(CHUNK):
            digest.update(chunk)
            out.write(chunk)
    return digest.hexdigest()


def copy_file(source: Path, target: Path) -> str:
    """Copy a file with its time and permissions, and return its sha256."""
    with source.open("rb") as opened:
        digest = copy_stream(opened, target)
    shutil.copystat(source, target)
    return digest


def list_tree(root: Path, top: Path) -> Iterator[tuple[str, Path]]:
    """Yield every file and empty folder of a tree, or the file itself, with its path below ``root``; locks and half-written ones are left out."""
    if top.is_file():
        yield str(top.relative_to(root)), top
    for path in sorted(top.rglob("*")):
        below = path.relative_to(root)
        if not any(part.startswith(".") and part not in KEPT for part in below.parts) and (path.is_file() or not any(path.iterdir())):
            yield str(below), path
