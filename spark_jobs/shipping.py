"""What a cluster is sent: our code as one archive, and Delta's jars, so that workers need only the environment's Python."""

import os
import zipfile
from pathlib import Path

from goeswith import fingerprint
from goeswith.profile import PROJECT_ROOT, Profile

SHIPPED = ("goeswith", "spark_jobs")
"""The folders that functions which run on workers may import."""
EPOCH = (1980, 1, 1, 0, 0, 0)


def pack_code(profile: Profile) -> Path:
    """Return the archive of our code, writing it where this code was never packed; equal code gives equal bytes."""
    target = profile.root / "spark" / f"goeswith-{fingerprint.of_code(SHIPPED)[:16]}.zip"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_suffix(f".{os.getpid()}")
        _write_archive(beside)
        beside.rename(target)  # two drivers may pack at once: what the later one puts there is the same
    return target


def _write_archive(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(file for folder in SHIPPED for file in (PROJECT_ROOT / folder).rglob("*")):
            if file.suffix in fingerprint.CODE_SUFFIXES and file.is_file():
                archive.writestr(zipfile.ZipInfo(str(file.relative_to(PROJECT_ROOT)), EPOCH), file.read_bytes())
