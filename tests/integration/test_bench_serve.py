"""``goeswith bench serve`` on a small catalogue: Feast, Triton and the client for real, from the command to the rows."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from goeswith.results import load_figures

pytestmark = [pytest.mark.triton, pytest.mark.timeout(400)]


def test_every_slice_is_answered_without_an_error_and_numpy_stands_beside_the_search(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "goeswith", "bench", "serve", "--items", "1000", "--indexed", "60000"]
    command += ["--repeats", "1", "--seconds", "0.5", "--callers", "4", "--minutes", "0.1", "--answers", "500", "--json"]
    command += ["--slices", "precomputed,answer,topk,load,rollout,soak,index"]
    done = subprocess.run(command, env={**os.environ, "GOESWITH_HOME": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = {(row["slice"], row["model"], row["metric"]): row["value"] for row in map(json.loads, done.stdout.splitlines())}
    assert {part for part, _, _ in rows} == {"precomputed", "answer", "topk", "load-4", "load-4-precomputed", "rollout", "soak", "index-60000"}
    assert not any(value for (_, _, metric), value in rows.items() if metric == "errors")
    assert rows["topk", "numpy", "p50_ms"] < rows["topk", "goeswith", "p50_ms"]
    assert rows["index-60000", "goeswith", "recall@20"] >= 0.97
    assert rows["answer", "goeswith", "model_ms"] > rows["precomputed", "goeswith", "model_ms"] == 0
    assert rows["rollout", "goeswith", "answers"] >= 500
    assert rows["rollout", "goeswith", "fallbacks"] == 0
    assert 0 < rows["soak", "goeswith", "per_second"] < rows["soak", "goeswith", "capacity_per_second"]
    assert min(rows["soak", "goeswith", f"{part}_mb"] for part in ("client", "gateway", "triton")) > 50
    assert len(load_figures(tmp_path / "results" / "bench-serve.jsonl")) == len(rows)
