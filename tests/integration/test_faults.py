"""A damaged file, a version that is not there, two writers at once: a clean error with its remedy, and then the tables that were due."""

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from delta.tables import DeltaTable
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from goeswith import lake
from goeswith.command.job import _do
from goeswith.errors import TableDamaged, VersionMissing, WriteConflict
from goeswith.faults import explain_faults
from goeswith.jobs import JobRun
from goeswith.profile import Profile
from spark_jobs.pairs.ledger import COLUMNS
from spark_jobs.tables import merge_table
from tests.delta_logs import forget_logs
from tests.faults.history import History, call_step, profile_of, read_contents
from tests.spark_rows import rows_of

pytestmark = [pytest.mark.spark, pytest.mark.slow]


@pytest.fixture(scope="module")
def history(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> History:
    return History(tmp_path_factory.mktemp("faults"))


def read_blocks(home: Path) -> list[str]:
    """Return what the ledger counts, without the versions that it counted."""
    return sorted(map(repr, lake.read_table(profile_of(home), "pair_ledger").drop_columns([*COLUMNS]).to_pylist()))


def test_a_damaged_table_is_named_and_once_it_is_written_again_its_reader_ends_where_it_would_have(history: History, tmp_path: Path) -> None:
    step, versions = history.reach("count_pairs_first"), history.copy_before("count_pairs_first", tmp_path)
    for file in (tmp_path / "lake" / "events").rglob("part-*.parquet"):
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
        file.with_name(f".{file.name}.crc").unlink()
    ended = call_step(tmp_path, step, versions)
    assert ended.code == 15
    assert "table 'events' cannot be read" in ended.said
    assert "Traceback" not in ended.said
    failure = json.loads((tmp_path / "runs" / step.run / "failures" / f"{step.name}.json").read_text())
    subprocess.run([sys.executable, "-c", failure["remedy"].split("python -c ")[1].strip("'")], check=True)
    again = call_step(tmp_path, history.steps["ingest_first"], {})
    assert call_step(tmp_path, step, {**versions, **again.result["versions"]}).code == 0
    assert read_contents(tmp_path)["events"] == history.expected("count_pairs_first")["events"]
    assert read_blocks(tmp_path) == read_blocks(history.home)


def test_a_damaged_log_that_spark_meets_is_named(spark: SparkSession, profile: Profile) -> None:
    for item in ("i1", "i2"):
        rows = rows_of(spark, "holdout", [{"id": item, "kind": "item", "split": "test", "reason": "edge"}])
        merge_table(spark, profile, "holdout", rows, run_id="t", job="test", consumed={})
    newest = sorted((profile.root / "lake" / "holdout" / "_delta_log").glob("*.json"))[-1]
    newest.write_text('{"cut off', encoding="utf-8")
    forget_logs(spark)
    with pytest.raises(TableDamaged, match="the log of table 'holdout' cannot be read") as raised, explain_faults(profile, "job x"):
        spark.read.format("delta").load(lake.table_uri(profile, "holdout")).count()
    assert str(newest) in raised.value.what


def test_a_version_that_is_not_there_is_named_and_nothing_is_written(history: History, tmp_path: Path) -> None:
    step, versions = history.reach("count_pairs_first"), history.copy_before("count_pairs_first", tmp_path)
    ended = call_step(tmp_path, step, {**versions, "events": 999})
    assert ended.code == VersionMissing.exit_code
    assert "table 'events' has no version 999" in ended.said
    assert "goeswith status" in ended.said
    assert "Traceback" not in ended.said
    assert lake.current_version(profile_of(tmp_path), "pair_ledger") is None


def test_two_processes_that_count_at_once_count_once(history: History, tmp_path: Path) -> None:
    step, versions = history.reach("count_pairs_first"), history.copy_before("count_pairs_first", tmp_path)
    jobs = [JobRun(profile=profile_of(tmp_path), run_id=run, versions=versions) for run in ("a", "b")]
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda job: json.loads(_do(step.job, step.name, job)), jobs))
    assert done[0]["versions"] == done[1]["versions"]
    assert read_contents(tmp_path) == history.expected("count_pairs_first")


def test_of_two_merges_at_once_the_later_is_refused_and_run_again_holds_its_rows(spark: SparkSession, profile: Profile, tmp_path: Path) -> None:
    write_reserved(spark, profile, "test")
    begun, committed = tmp_path / "begun", tmp_path / "committed"
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(merge_once_there, spark, profile, begun, committed)
        wait_until(begun)
        lake.open_table(profile, "holdout").update(updates={"reason": "'told again'"})
        committed.touch()
        with pytest.raises(WriteConflict, match="job t: another process"):
            late.result(300)
    assert read_splits(profile) == ["test"]
    write_reserved(spark, profile, "validation")
    assert read_splits(profile) == ["validation"]


def write_reserved(spark: SparkSession, profile: Profile, split: str) -> int:
    rows = rows_of(spark, "holdout", [{"kind": "item", "id": "pan", "split": split, "reason": "told"}])
    return merge_table(spark, profile, "holdout", rows, run_id=split, job="t", consumed={})


def read_splits(profile: Profile) -> list[str]:
    return [row["split"] for row in lake.read_table(profile, "holdout").to_pylist()]


def merge_once_there(spark: SparkSession, profile: Profile, begun: Path, committed: Path) -> None:
    """Merge one row, which comes only after ``committed`` is there: the target was read long before."""

    def split_late(_: int) -> str:
        import time
        from pathlib import Path

        Path(begun).touch()
        while not Path(committed).exists():
            time.sleep(0.01)
        return "validation"

    late = F.udf(split_late)(F.col("id"))
    rows = spark.range(1).select(F.lit("item").alias("kind"), F.lit("pan").alias("id"), late.alias("split"))
    target = DeltaTable.forPath(spark, lake.table_uri(profile, "holdout"))
    merge = target.alias("t").merge(rows.alias("s"), "t.kind = s.kind AND t.id = s.id").whenMatchedUpdate(set={"split": "s.split"})
    with explain_faults(profile, "job t"):
        merge.execute()


def wait_until(path: Path) -> None:
    until = time.monotonic() + 300
    while not path.exists():
        assert time.monotonic() < until, f"{path} never came"
        time.sleep(0.01)
