"""What a step took: processors' and GPUs' seconds, and the rows that it wrote."""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from goeswith import lake
from goeswith.jobs import GPU, JobRun

ROWS = ("numOutputRows", "numTargetRowsInserted", "numTargetRowsUpdated", "num_added_rows", "num_target_rows_inserted", "num_target_rows_updated")
"""What Spark and delta-rs say in a commit of the rows that it wrote: an append says one of them, a merge two."""
MERGED = ("numOutputRows", "num_output_rows")
"""What a merge says besides: rows that were only copied from one file to another, too."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Seconds by the clock, of processors (threads and children of this process; not those of a cluster), and of the GPUs that were held."""

    seconds: float
    cpu_seconds: float
    gpu_seconds: float

    def to_json(self) -> dict[str, float]:
        """Return the seconds, to the hundredth."""
        return {name: round(value, 2) for name, value in asdict(self).items()}


def start_usage(job: str) -> Callable[[], Usage]:
    """Return what, when it is called, says what was used since now."""
    started, cpu = time.monotonic(), _cpu_seconds()

    def stop() -> Usage:
        seconds = time.monotonic() - started
        held = count_gpus() if job in GPU else 0
        return Usage(seconds, max(_cpu_seconds() - cpu, 0.0), held * seconds)

    return stop


def _cpu_seconds() -> float:
    """Return what this process and all below it used; a JVM lives on between jobs, so it is counted while it runs."""
    return sum(_times(process) for process in (psutil.Process(), *psutil.Process().children(recursive=True)))


def _times(process: psutil.Process) -> float:
    try:
        return float(sum(process.cpu_times()[:4]))  # own and of children that ended, for the user and in the kernel
    except psutil.NoSuchProcess:
        return 0.0  # it ended between the two questions: its parent has its time now


def count_gpus(devices: Path = Path("/dev")) -> int:
    """Return how many GPUs this process was given: those it is told to see, else those of the machine."""
    told = os.environ.get("CUDA_VISIBLE_DEVICES")
    if told is not None:
        return len([name for name in told.split(",") if name.strip() not in ("", "-1")])
    return len(list(devices.glob("nvidia[0-9]*")))


def count_rows(job: JobRun, written: Mapping[str, int]) -> int:
    """Return how many rows were inserted or updated between the versions that a job read and those that it wrote."""
    return sum(_rows_since(job, table, version) for table, version in written.items())


def _rows_since(job: JobRun, table: str, version: int) -> int:
    before = job.find_version(table)
    before = -1 if before is None else before
    if before >= version:
        return 0
    delta = lake.open_table(job.profile, table, version)
    return sum(_rows_of(commit) for commit in delta.history(version - before))


def _rows_of(commit: Mapping[str, Any]) -> int:
    metrics = commit.get("operationMetrics") or {}
    merged = commit["operation"] == "MERGE"
    return sum(int(metrics.get(name) or 0) for name in ROWS if not (merged and name in MERGED))
