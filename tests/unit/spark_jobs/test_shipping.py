"""The archive of our code that a cluster is sent."""

import subprocess
import sys
from pathlib import Path

from goeswith.profile import Profile
from spark_jobs.shipping import pack_code


def test_equal_code_is_packed_once_and_into_equal_bytes(profile: Profile) -> None:
    first = pack_code(profile)
    written, stamp = first.read_bytes(), first.stat().st_mtime_ns
    assert pack_code(profile) == first
    assert first.stat().st_mtime_ns == stamp
    first.unlink()
    assert pack_code(profile).read_bytes() == written
    assert [path.name for path in first.parent.iterdir()] == [first.name]


def test_a_worker_imports_our_code_from_the_archive_alone(profile: Profile, tmp_path: Path) -> None:
    code = f"import sys; sys.path.insert(0, {str(pack_code(profile))!r}); import spark_jobs.swing as m; print(m.__file__)"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.strip().endswith(".zip/spark_jobs/swing.py")
