"""The bench for real: Spark's engines agree with DuckDB, an increment equals a rebuild, and the command prints every row."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from benchmarks.graph import baskets
from benchmarks.graph.engines import DUCKDB, OURS, SELF_JOIN, read_pairs
from benchmarks.graph.engines.in_duckdb import InDuckdb
from benchmarks.graph.task import Engine, Fingerprint, Orders, fingerprint
from benchmarks.graph.worker import PAIRS, Order, carry_out
from goeswith.command.main import app


def answer(name: str, engine: Engine, orders: Orders, out: Path) -> Fingerprint:
    engine.count(orders, out)
    return fingerprint(read_pairs(name, out))


def texts(paths: list[Path]) -> tuple[str, ...]:
    return tuple(map(str, paths))


@pytest.fixture(scope="module")
def orders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return three files of orders: baskets of 9 draws from 200 items, ids that as text sort otherwise than as numbers."""
    made = baskets.made_orders(9_000, 9, 200)
    return baskets.keep_orders(tmp_path_factory.mktemp("made") / "orders", lambda: [made[:4_500], made[4_500:8_991], made[8_991:]])


@pytest.fixture(scope="module")
def expected(orders: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Fingerprint:
    """Return what DuckDB says."""
    return answer(DUCKDB, InDuckdb(), orders, tmp_path_factory.mktemp("duckdb") / "out")


@pytest.mark.spark
def test_plain_spark_agrees_with_duckdb_on_every_pair(spark: object, orders: list[Path], expected: Fingerprint, tmp_path: Path) -> None:
    from benchmarks.graph.engines.self_join import SelfJoin

    assert expected.rows > 5_000
    assert answer(SELF_JOIN, SelfJoin(spark), orders, tmp_path / "join") == expected  # type: ignore[arg-type]


@pytest.mark.spark
def test_goeswith_agrees_with_duckdb(spark: object, orders: list[Path], expected: Fingerprint, tmp_path: Path) -> None:
    measured = carry_out(Order(engine=OURS, orders=texts(orders), warm=texts(orders[2:]), out=str(tmp_path)))
    assert fingerprint(read_pairs(OURS, tmp_path / PAIRS)) == expected
    assert set(measured) == {"seconds", "shuffle_mb"}
    assert min(measured.values()) > 0


@pytest.mark.spark
def test_increments_equal_a_rebuild_and_the_published_table_passes_its_gate(
    spark: object, orders: list[Path], expected: Fingerprint, tmp_path: Path
) -> None:
    first, second, third = texts(orders)
    new = (("commit_seconds", third), ("seconds", second))
    measured = carry_out(Order(engine=OURS, orders=(first,), warm=(third,), out=str(tmp_path), new=new))
    assert fingerprint(read_pairs(OURS, tmp_path / PAIRS)) == expected
    passes = {f"gate_{name}_seconds" for name in ("rows", "values", "references", "keys", "released")}
    assert set(measured) == {"commit_seconds", "seconds", "rebuild_seconds", "publish_seconds", "gate_seconds", *passes}


@pytest.mark.long
@pytest.mark.timeout(1_800)
def test_the_command_measures_every_slice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOESWITH_HOME", str(tmp_path / "home"))
    pq.write_table(baskets.made_orders(20_000, 8, 300), tmp_path / "order_products__train.parquet")
    done = CliRunner().invoke(app, ["bench", "graph", "--data", str(tmp_path), "--repeats", "1", "--full", "--json"])
    assert done.exit_code == 0, done.output
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    found = {(row["slice"], row["model"], row["metric"]): row["value"] for row in rows}
    for part in ("1x", "10x"):
        for model in ("goeswith", "duckdb", "polars", "spark-self-join"):
            assert found[part, model, "pairs"] == found[part, "duckdb", "pairs"]
            assert found[part, model, "seconds"] > 0
            assert found[part, model, "peak_mb"] > 50
        assert found[part, "goeswith", "seconds/duckdb"] > 0
    for metric in ("seconds", "commit_seconds", "rebuild_seconds", "seconds/rebuild", "gate/job"):
        assert found["increment", "goeswith", metric] > 0
    assert (tmp_path / "home" / "results" / "bench-graph.jsonl").is_file()
