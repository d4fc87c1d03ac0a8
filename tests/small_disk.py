"""A disk of a few megabytes, a real one, for tests that fill it."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def mounted_disk(folder: Path, *, megabytes: int) -> Iterator[Path]:
    """Give a file system of its own, mounted at ``folder``. Fails where mounting is not permitted: a full disk cannot be claimed untested."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    assert mounted.returncode == 0, f"no file system can be mounted here ({mounted.stderr.strip()}); remedy: run the tests as root"
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
