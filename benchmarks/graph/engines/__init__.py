"""The engines, by the name under which their figures stand; each is imported only when it is asked for."""

from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

import pyarrow as pa

from benchmarks.graph.task import Engine

OURS = "goeswith"
DUCKDB, POLARS, SELF_JOIN = REFERENCES = ("duckdb", "polars", "spark-self-join")
MODULES = {OURS: "ours", DUCKDB: "in_duckdb", POLARS: "in_polars", SELF_JOIN: "self_join"}


def start_engine(name: str) -> Engine:
    """Return an engine with its session started."""
    engine: Engine = _module(name).start()
    return engine


def read_pairs(name: str, out: Path) -> Iterable[pa.RecordBatch]:
    """Yield the pairs that an engine wrote below ``out``; no session is needed."""
    read: Callable[[Path], Iterable[pa.RecordBatch]] = _module(name).read_pairs
    return read(out)


def _module(name: str) -> Any:
    return import_module(f"benchmarks.graph.engines.{MODULES[name]}")
