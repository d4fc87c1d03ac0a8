"""The same jobs on a cluster: a standalone master and two workers on this machine, reached as a session, by spark-submit and by Spark Connect."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from goeswith import lake
from goeswith.command.submit import build_properties
from goeswith.jobs import JobRun, load_job
from goeswith.ports import LOOPBACK, free_ports
from goeswith.profile import PROJECT_ROOT, Profile, load_profile
from spark_jobs.sources.shop.generate import generate
from spark_jobs.swing import Config, group_units, swing
from spark_jobs.tables import read_table
from tests.standalone import daemon, standalone_cluster

pytestmark = [pytest.mark.spark, pytest.mark.long, pytest.mark.timeout(3000)]

TABLES = ("items", "events", "bundles", "quarantine", "holdout", "item_pairs", "item_sets")
STEPS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("ingest", {"source": "files"}),
    ("reserve_holdout", {}),
    ("count_pairs", {}),
    ("measure_pairs", {}),
    ("mine_sets", {}),
    ("gate", {"tables": ["items", "events", "item_pairs", "item_sets"]}),
)
DRIVER = """
import json, sys
from goeswith.jobs import JobRun, load_job
from goeswith.profile import load_profile
from spark_jobs.session import get_session

profile, versions = load_profile(), {}
for name, params in json.loads(sys.argv[1]):
    versions |= load_job(name).run(JobRun(profile=profile, run_id="r", versions=versions, params=params)).versions

def where(batches):
    import pyarrow as pa, spark_jobs.swing
    for batch in batches:
        yield pa.RecordBatch.from_pydict({"id": [spark_jobs.swing.__file__] * batch.num_rows})

found = get_session(profile, "where").range(0, 8, 1, 4).mapInArrow(where, "id string").distinct().collect()
print(json.dumps({"versions": versions, "code": [row["id"] for row in found]}))
"""
"""The jobs in one driver, and then where its workers found our code."""
CLIENT = """
import json, sys
from delta.tables import DeltaTable
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession, functions as F
from goeswith import lake
from goeswith.profile import load_profile
from spark_jobs import mine_sets, swing
from spark_jobs.shipping import pack_code

spark, profile = SparkSession.builder.remote(sys.argv[1]).getOrCreate(), load_profile()
spark.addArtifacts(str(pack_code(profile)), pyfile=True)
events, holdout, pairs = (spark.read.format("delta").load(lake.table_uri(profile, name)) for name in ("events", "holdout", "item_pairs"))
baskets = mine_sets.open_baskets(mine_sets.build_baskets(events, holdout, 60)[0], "full")
sets, summary = mine_sets.mine_graph(baskets, mine_sets.co_purchases(pairs, "full"), mine_sets.Config())
scores = swing.swing(swing.group_units(events), swing.Config())
try:
    refused = str(DeltaTable.forPath(spark, lake.table_uri(profile, "items")).toDF().count())
except PySparkException as error:
    refused = str(error)
rows = mine_sets.describe_sets(sets, baskets).select("set_id", "n", "n_total", "lift")
print(json.dumps({"sets": [[*row] for row in rows.collect()], "swing": [[*row] for row in scores.collect()], "refused": refused}))
spark.stop()
"""
"""Transforms of ours on a Spark that is reached by Spark Connect alone, and what Delta's own Python class says there."""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    generate(folder / "shop", folder / "truth", size=100)
    return folder / "shop"


@pytest.fixture(scope="module")
def local(spark: SparkSession, shop: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Profile, dict[str, int]]:
    """The lake that local mode writes."""
    profile = load_profile(overrides={"home": tmp_path_factory.mktemp("local")})
    versions: dict[str, int] = {}
    for name, params in steps(shop):
        versions |= load_job(name).run(JobRun(profile=profile, run_id="r", versions=versions, params=params)).versions
    return profile, versions


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    folder = tmp_path_factory.mktemp("cluster")
    with standalone_cluster(folder) as address:
        yield address, folder


def steps(shop: Path) -> list[tuple[str, dict[str, Any]]]:
    return [(name, {**params, "data": str(shop)} if name == "ingest" else params) for name, params in STEPS]


def on_cluster(address: str, home: Path) -> dict[str, str]:
    """Return the environment of a driver whose profile is the cluster."""
    lean = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
    conf = {"spark.driver.host": LOOPBACK, "spark.driver.bindAddress": LOOPBACK, "spark.executor.memory": "512m", "spark.ui.enabled": "false"}
    conf |= {"spark.driver.extraJavaOptions": lean, "spark.executor.extraJavaOptions": lean, "spark.databricks.delta.snapshotPartitions": "2"}
    settings = {"master": address, "driver_memory": "1g", "shuffle_partitions": 2, "conf": conf}  # a small machine
    return {
        **os.environ,
        "GOESWITH_PROFILE": "cluster",
        "GOESWITH_HOME": str(home),
        "GOESWITH_SPARK": json.dumps(settings),
        "SPARK_LOCAL_IP": LOOPBACK,
    }


def finish(words: Sequence[str], environment: dict[str, str]) -> str:
    """Run a process to its end and return its last line; whatever it said is in the failure's message."""
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment, cwd=PROJECT_ROOT, timeout=2400)
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout.strip().splitlines()[-1]


def content(profile: Profile, name: str) -> list[str]:
    """Return a table's rows without the time of writing, in an order of their own."""
    rows = lake.read_table(profile, name)
    kept = rows.drop_columns(["updated_at"]) if "updated_at" in rows.schema.names else rows
    return sorted(json.dumps(row, default=str, sort_keys=True) for row in kept.to_pylist())


def test_a_driver_on_a_cluster_of_two_workers_writes_the_tables_of_local_mode(
    local: tuple[Profile, dict[str, int]], master: tuple[str, Path], shop: Path, tmp_path: Path
) -> None:
    address, folder = master
    said = json.loads(finish([sys.executable, "-c", DRIVER, json.dumps(steps(shop))], on_cluster(address, tmp_path)))
    there = load_profile(overrides={"home": tmp_path})
    for name in TABLES:
        assert content(there, name) == content(local[0], name), name
    decisions = lake.read_table(there, "gate_results").to_pylist()
    assert {row["decision"] for row in decisions} == {"pass"}
    assert {row["table"] for row in decisions} == {"items", "events", "item_pairs", "item_sets"}
    assert said["code"], "no worker said where it found our code"
    assert all(".zip/spark_jobs" in path for path in said["code"])
    assert all(list((folder / f"worker-{k}").glob("app-*/*/goeswith-*.zip")) for k in range(2)), "a worker was sent no code"


def test_a_job_submitted_by_spark_submit_writes_the_table_of_local_mode(
    local: tuple[Profile, dict[str, int]], master: tuple[str, Path], tmp_path: Path
) -> None:
    profile, versions = local
    shutil.copytree(profile.root / "lake", tmp_path / "lake", ignore=shutil.ignore_patterns("item_sets", "gate_results"))
    words = ["submit", "mine_sets", "--run", "r", "--versions", json.dumps(versions)]
    said = json.loads(finish([sys.executable, "-m", "goeswith", *words], on_cluster(master[0], tmp_path)))
    there = load_profile(overrides={"home": tmp_path})
    assert said["versions"]["item_sets"] == versions["item_sets"]
    assert content(there, "item_sets") == content(profile, "item_sets") != []


@pytest.fixture(scope="module")
def connect(local: tuple[Profile, dict[str, int]], master: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Spark Connect's server on the cluster, with Delta, and without the plugin that Delta does not publish for this Spark."""
    folder, port = tmp_path_factory.mktemp("connect"), free_ports(1)[0]
    settings = json.loads(on_cluster(master[0], folder)["GOESWITH_SPARK"])
    (folder / "server.conf").write_text(build_properties(load_profile("cluster", {"home": folder, "spark": settings})), encoding="utf-8")
    bound = {
        "spark.connect.grpc.binding.address": LOOPBACK,
        "spark.connect.grpc.binding.port": str(port),
        "spark.connect.session.connectML.mlCache.memoryControl.enabled": "false",  # with it, Spark Connect knows no FP-growth
        "spark.log.level": "INFO",
    }
    words = ["org.apache.spark.deploy.SparkSubmit", "--class", "org.apache.spark.sql.connect.service.SparkConnectServer", "--master", master[0]]
    words += ["--properties-file", str(folder / "server.conf"), *(word for key, value in bound.items() for word in ("--conf", f"{key}={value}"))]
    with daemon(words, folder / "server.log", "Spark Connect server started", memory="1g"):
        yield f"sc://{LOOPBACK}:{port}"


def test_transforms_run_by_spark_connect_and_writing_waits_for_deltas_plugin(
    local: tuple[Profile, dict[str, int]], connect: str, spark: SparkSession
) -> None:
    profile, versions = local
    said = json.loads(finish([sys.executable, "-c", CLIENT, connect], {**os.environ, "GOESWITH_HOME": str(profile.root)}))
    mined = lake.read_table(profile, "item_sets", where={"graph": "full"}).to_pylist()
    assert sorted(said["sets"]) == sorted([row["set_id"], row["n"], row["n_total"], row["lift"]] for row in mined)
    here = swing(group_units(read_table(spark, profile, "events", versions["events"])), Config()).collect()
    assert sorted(said["swing"]) == sorted([*row] for row in here)
    assert said["swing"], "the shop has pairs that two users share"
    assert "extension" in said["refused"].lower(), said["refused"]
