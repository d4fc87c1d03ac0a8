"""DuckDB: the task as SQL, on as many threads and with as much memory as all others."""

from pathlib import Path

import duckdb

from benchmarks.graph.task import MEMORY_GB, SELF_JOIN, THREADS, Orders, read_parquet_pairs

read_pairs = read_parquet_pairs


class InDuckdb:
    """A connection to an empty database in memory that spills beside its output."""

    def __init__(self) -> None:
        self._connection = duckdb.connect(config={"threads": THREADS, "memory_limit": f"{MEMORY_GB}GB"})

    def count(self, orders: Orders, out: Path) -> None:
        """Count pairs into one Parquet file."""
        out.mkdir(parents=True)
        self._connection.execute("set temp_directory = ?", [str(out / "spill")])
        self._connection.read_parquet([str(path) for path in orders]).create_view("orders", replace=True)
        self._connection.sql(SELF_JOIN).write_parquet(str(out / "pairs.parquet"))

    def measures(self) -> dict[str, float]:
        """Nothing but what a clock sees."""
        return {}


def start() -> InDuckdb:
    """Return the engine."""
    return InDuckdb()
