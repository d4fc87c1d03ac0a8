"""goeswith: the product's own transforms and commits, into the real table item_pairs of a lake below ``out``."""

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from benchmarks.graph.engines.spark import HEAP, shuffle_mb
from benchmarks.graph.task import COLUMNS, MAX_BASKET, MIN_BASKET, MIN_COUNT, THREADS, Orders
from goeswith import lake
from goeswith.jobs import JobRun, load_job
from goeswith.profile import Profile, load_profile
from spark_jobs import tables
from spark_jobs.association import FULL
from spark_jobs.count_pairs import Config, build_pairs, build_units
from spark_jobs.session import get_session

PAIRS, RUN = "item_pairs", "bench"
CONFIG = Config(min_count=MIN_COUNT, max_basket=MAX_BASKET)


class Ours:
    """Jobs find the running session, as tasks of one DAG run do."""

    def __init__(self, spark: SparkSession) -> None:
        self._spark = spark

    def count(self, orders: Orders, out: Path) -> None:
        """Count pairs and commit them: a full rebuild."""
        (baskets, users), _ = build_units(self._read_events(orders), tables.empty_table(self._spark, "holdout"), CONFIG)
        units = baskets.where(F.size("items") >= MIN_BASKET), users
        pairs = build_pairs(units, tables.empty_table(self._spark, "declared_relations"), tables.empty_table(self._spark, "holdout"), CONFIG)
        self._commit(out, PAIRS, pairs.where(F.col("graph") == FULL))
        baskets.unpersist(), users.unpersist()

    def add(self, known: Orders, new: Orders, out: Path) -> None:
        """Bring the pairs below ``out``, counted from the ``known`` orders, to hold the new ones too."""
        self.count([*known, *new], out)

    def check(self, out: Path) -> None:
        """Run the gate of item_pairs. Raises ``GateFailed``."""
        profile = profile_of(out)
        versions = {name: lake.open_table(profile, name).version() for name in ("items", PAIRS)}
        load_job("gate").run(JobRun(profile=profile, run_id=RUN, versions=versions, params={"tables": [PAIRS]}))

    def register_items(self, orders: Orders, out: Path) -> None:
        """Write the items that pairs refer to, which a gate looks up."""
        items = self._spark.read.parquet(*map(str, orders)).select(F.col("product_id").cast("string").alias("item_id")).distinct()
        self._commit(out, "items", items.select("item_id", F.lit(True).alias("available"), F.timestamp_seconds(F.lit(0)).alias("known_at")))

    def measures(self) -> dict[str, float]:
        """What was shuffled so far."""
        return {"shuffle_mb": shuffle_mb(self._spark)}

    def _read_events(self, orders: Orders) -> DataFrame:
        """Return orders as the table events holds them."""
        ids = [F.col("order_id").cast("string").alias("basket_id"), F.col("product_id").cast("string").alias("item_id")]
        rows = self._spark.read.parquet(*map(str, orders)).select(*ids, F.lit("purchase").alias("kind"))
        return tables.empty_table(self._spark, "events").unionByName(rows, allowMissingColumns=True)

    def _commit(self, out: Path, name: str, rows: DataFrame) -> None:
        tables.merge_table(self._spark, profile_of(out), name, rows, run_id=RUN, job="bench", consumed={})


def profile_of(out: Path) -> Profile:
    """Return the profile with its home below ``out`` and sized as every engine is; all else is as the user set it."""
    profile = load_profile()
    sized = profile.spark.model_copy(update={"master": f"local[{THREADS}]", "driver_memory": HEAP})
    return profile.model_copy(update={"home": out, "lake": "", "spark": sized})


def read_pairs(out: Path) -> Iterable[pa.RecordBatch]:
    """Yield the pairs of the table's newest version; its ids are text."""
    profile = profile_of(out)
    return lake.read_batches(profile, PAIRS, version=lake.open_table(profile, PAIRS).version(), columns=COLUMNS)


def start() -> Ours:
    """Return the engine with its session."""
    return Ours(get_session(profile_of(Path()), "bench"))
