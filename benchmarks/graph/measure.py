"""Order one measurement, watch its process, and read back what it answered."""

import json
import os
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.graph.engines import read_pairs
from benchmarks.graph.task import THREADS, Fingerprint, fingerprint
from benchmarks.graph.worker import PAIRS, Order
from benchmarks.processes import run_watched


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of one engine: values by metric, and the fingerprint of the pairs that it wrote."""

    values: dict[str, float]
    answer: Fingerprint


def measure(order: Order, scratch: Path) -> Measured:
    """Carry out an order in a process of its own; what it writes lies below ``scratch`` until it is looked at.

    Raises ``GoeswithError`` where the engine fails.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch) as out:
        words = [sys.executable, "-m", "benchmarks.graph.worker", replace(order, out=out).to_json()]
        watched = run_watched(words, {**os.environ, "POLARS_MAX_THREADS": str(THREADS)})
        pairs = Path(out) / PAIRS
        answer = fingerprint(read_pairs(order.engine, pairs))
        values = {"peak_mb": watched.peak_mb, "disk_mb": bytes_below(pairs) / 2**20, "pairs": float(answer.rows)}
    return Measured(json.loads(watched.printed.strip().splitlines()[-1]) | values, answer)


def bytes_below(folder: Path) -> int:
    """Return the size of all files below a folder."""
    return sum(path.stat().st_size for path in folder.glob("**/*") if path.is_file())
