"""A watched process: what it printed, what its whole tree held, and its last words where it failed."""

import os
import sys

import pytest

from benchmarks.processes import resident_bytes, run_watched
from goeswith.errors import GoeswithError

HOLD = "import time; held = bytearray(150 * 2**20); held[::4096] = bytes(len(held[::4096])); time.sleep(1.5)"


def test_memory_is_that_of_the_whole_tree() -> None:
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {HOLD!r}]); print('done')"
    watched = run_watched([sys.executable, "-c", child], os.environ)
    assert watched.printed == "done\n"
    assert 150 < watched.peak_mb < 300


def test_the_environment_is_handed_on() -> None:
    shown = run_watched([sys.executable, "-c", "import os; print(os.environ['ANSWER'])"], {**os.environ, "ANSWER": "42"})
    assert shown.printed == "42\n"


def test_a_failure_ends_with_its_last_words() -> None:
    with pytest.raises(GoeswithError, match=r"exit code 3.*no memory left"):
        run_watched([sys.executable, "-c", "import sys; print('no memory left', file=sys.stderr); sys.exit(3)"], os.environ)


def test_a_process_that_is_gone_holds_nothing() -> None:
    assert resident_bytes(2**22 + 1) == 0
