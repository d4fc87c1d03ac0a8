"""goeswith: the product's own counting, into the real ledger of a lake below ``out``, and its pairs with the counts of both sides."""

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from benchmarks.graph.engines.spark import HEAP, shuffle_mb
from benchmarks.graph.task import COLUMNS, MAX_BASKET, MIN_BASKET, MIN_COUNT, THREADS, Orders, read_parquet_pairs
from goeswith import lake
from goeswith.jobs import JobResult, JobRun, load_job
from goeswith.profile import Profile, load_profile
from spark_jobs import count_pairs, tables
from spark_jobs.pairs.blocks import plan_tasks
from spark_jobs.pairs.changes import Moment
from spark_jobs.pairs.fold import FULL, Folding, fold_items, fold_pairs
from spark_jobs.pairs.ledger import LEDGER, State, reading_blocks
from spark_jobs.pairs.numbers import NUMBERS
from spark_jobs.pairs.publish import name_pairs
from spark_jobs.session import LOCAL, get_session, shuffle_partitions

RUN, COUNTED = "bench", "counted"
SETTINGS = {"relations": ["co_purchase"], "min_basket": MIN_BASKET, "max_basket": MAX_BASKET}
READ = ("events", "holdout", "declared_relations")
JVM = "spark.driver.extraJavaOptions"
ALL_THREADS = LOCAL[JVM].replace("-XX:+UseSerialGC", "-XX:+UseParallelGC")
"""The local profile collects garbage in one thread, to be small; counting may use all that it is given."""


class Ours:
    """Jobs find the running session, as tasks of one DAG run do."""

    def __init__(self, spark: SparkSession) -> None:
        self._spark = spark

    def count(self, orders: Orders, out: Path) -> None:
        """Count all meetings into the ledger, and write the pairs that the task asks for as Parquet."""
        profile = profile_of(out)
        moment = Moment(self._read_events(orders), tables.empty_table(self._spark, "holdout"))
        state = State(batch=0, events=0, holdout=0, settings="")
        tables.create_table(self._spark, profile, LEDGER)
        config, job = count_pairs.read_config(SETTINGS), JobRun(profile=profile, run_id=RUN)
        count_pairs.count_moment(self._spark, job, moment, state, config, lake.open_table(profile, LEDGER).version())
        self._write_counted(profile, out / COUNTED)

    def _write_counted(self, profile: Profile, folder: Path) -> None:
        ledger, numbers = (tables.read_table(self._spark, profile, name, lake.open_table(profile, name).version()) for name in (LEDGER, NUMBERS))
        tasks = plan_tasks(0, shuffle_partitions(self._spark)).counts
        own = fold_items(ledger, (FULL,), tasks).persist()
        pairs = fold_pairs(ledger, Folding(graphs=(FULL,), min_count=MIN_COUNT), tasks)
        with reading_blocks(self._spark):
            name_pairs(pairs, own, numbers).select(*COLUMNS).write.mode("overwrite").parquet(str(folder))
        own.unpersist()

    def load(self, orders: Orders, out: Path) -> None:
        """Append orders to the table of events."""
        profile = profile_of(out)
        for name in READ[1:]:
            tables.create_table(self._spark, profile, name)
        rows = self._read_events(orders).withColumn("event_id", F.concat_ws("-", "basket_id", "item_id"))
        tables.write_table(self._spark, profile, "events", rows, mode="append", run_id=RUN, job="bench", consumed={})

    def bring(self, out: Path, *, rebuild: bool = False) -> None:
        """Run the job that brings the ledger to the events, by what changed or by counting all again."""
        self._run("count_pairs", out, {**SETTINGS, "rebuild": rebuild, "fold_after": 1_000}, READ)

    def publish(self, out: Path) -> None:
        """Run the job that measures the pairs and writes item_pairs."""
        self._run("measure_pairs", out, {"min_count": MIN_COUNT, "swing": False}, (*READ, LEDGER, NUMBERS))

    def check(self, out: Path) -> dict[str, float]:
        """Run the gate of item_pairs and return the seconds of its passes. Raises ``GateFailed``."""
        gated = self._run("gate", out, {"tables": ["item_pairs"]}, ("items", "item_pairs"))
        seconds: dict[str, float] = gated.summary["tables"]["item_pairs"]["seconds"]
        return seconds

    def register_items(self, out: Path) -> None:
        """Write the items that pairs refer to, which a gate looks up."""
        profile = profile_of(out)
        items = tables.read_table(self._spark, profile, NUMBERS, lake.open_table(profile, NUMBERS).version()).select("item_id")
        rows = items.withColumns({"available": F.lit(True), "known_at": F.timestamp_seconds(F.lit(0))})
        tables.write_table(self._spark, profile, "items", rows, mode="overwrite", run_id=RUN, job="bench", consumed={})

    def measures(self) -> dict[str, float]:
        """What was shuffled so far."""
        return {"shuffle_mb": shuffle_mb(self._spark)}

    def _read_events(self, orders: Orders) -> DataFrame:
        """Return orders as the table events holds them."""
        ids = [F.col("order_id").cast("string").alias("basket_id"), F.col("product_id").cast("string").alias("item_id")]
        rows = self._spark.read.parquet(*map(str, orders)).select(*ids, F.lit("purchase").alias("kind"), F.lit(1).alias("quantity"))
        return tables.empty_table(self._spark, "events").unionByName(rows, allowMissingColumns=True)

    def _run(self, job: str, out: Path, params: dict[str, object], reads: tuple[str, ...]) -> JobResult:
        profile = profile_of(out)
        versions = {name: lake.open_table(profile, name).version() for name in reads}
        return load_job(job).run(JobRun(profile=profile, run_id=RUN, versions=versions, params=params))


def profile_of(out: Path) -> Profile:
    """Return the profile with its home below ``out`` and sized as every engine is; all else is as the user set it."""
    profile = load_profile()
    sized = {"master": f"local[{THREADS}]", "driver_memory": HEAP, "conf": {JVM: ALL_THREADS, **profile.spark.conf}}
    return profile.model_copy(update={"home": out, "lake": "", "spark": profile.spark.model_copy(update=sized)})


def read_pairs(out: Path) -> Iterable[pa.RecordBatch]:
    """Yield the pairs that were counted, or of the table where they were published; their ids are text."""
    if (out / COUNTED).exists():
        return read_parquet_pairs(out / COUNTED)
    return lake.read_batches(profile_of(out), "item_pairs", columns=COLUMNS, where={"graph": FULL})


def start() -> Ours:
    """Return the engine with its session."""
    return Ours(get_session(profile_of(Path()), "bench"))
