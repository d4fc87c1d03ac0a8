"""With JSON logs, what Spark's executors log names the run and the step, too."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from goeswith.profile import PROJECT_ROOT

FAILING = """
from goeswith.logs import log_context
from goeswith.profile import load_profile
from spark_jobs.session import get_session

with log_context(run="monday", step="count_pairs"):
    get_session(load_profile(), "test").range(2).selectExpr("raise_error('no')").collect()
"""


@pytest.mark.long
def test_what_an_executor_logs_names_run_and_step(tmp_path: Path) -> None:
    settings = {**os.environ, "GOESWITH_HOME": str(tmp_path), "GOESWITH_LOGS": "json"}
    ended = subprocess.run([sys.executable, "-c", FAILING], cwd=PROJECT_ROOT, env=settings, capture_output=True, text=True, check=False, timeout=300)
    lines = [json.loads(line) for line in ended.stderr.splitlines() if line.startswith("{")]
    failed = [line["context"] for line in lines if line["msg"].startswith("Exception in task")]
    assert failed
    assert all((context["mdc.run"], context["mdc.step"]) == ("monday", "count_pairs") for context in failed)
