"""A user is forgotten in a shop that was really ingested, counted and served: what is left equals a shop that never knew them."""

import csv
import random
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from feature_repo.jobs.materialise import STATE
from goeswith import lake, releases
from goeswith.catalogue import TABLES
from goeswith.erasure.forget import forget_user
from goeswith.erasure.user import hash_user
from goeswith.errors import VersionMissing
from goeswith.jobs import JobRun, load_job
from goeswith.pins import ONLINE_STATE
from goeswith.profile import Profile, load_profile
from goeswith.records import write_record
from goeswith.upkeep import job as upkeep
from goeswith.usage import Usage
from spark_jobs import cleaning
from tests.unit.goeswith.erasure.shop import files_below_that_hold

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.timeout(3000)]

FORGOTTEN = "customer-00007"
GRAPH_JOBS: dict[str, dict[str, Any]] = {
    "reserve_holdout": {"test_share": 0.3},
    "count_pairs": {"max_basket": 5, "within_days": 20},
    "measure_pairs": {},
    "build_relations": {"min_npmi": -0.5},
}
COUNTED = ("events", "holdout", "item_pairs", "relations", "quarantine")
MAPPING = """
items: {file: items.csv, format: csv, columns: {item_id: sku, title: name}}
events: {file: lines.csv, format: csv, columns: {basket_id: order, item_id: sku, user_id: customer, kind: kind, quantity: pieces, happened_at: day}}
"""


def lines() -> list[dict[str, str]]:
    """Return what 12 customers bought and viewed on 60 days; a basket's id holds its customer's, one row in 20 is refused."""
    rng = random.Random(7)  # noqa: S311 - a test's shop, no secret
    rows = []
    for number in range(12):
        customer = f"customer-{number:05}"
        for visit in range(8):
            day = date(2024, 1, 1) + timedelta(days=rng.randrange(60))
            order, kind = f"{customer}/{visit}", rng.choice(("purchase", "purchase", "view"))
            for sku in rng.sample(range(15), rng.randint(1, 6)):
                pieces = "many" if rng.random() < 0.05 else "1"
                rows.append({"order": order, "sku": f"p{sku}", "customer": customer, "kind": kind, "pieces": pieces, "day": day.isoformat()})
    return rows


def write_source(folder: Path, rows: list[dict[str, str]]) -> Path:
    folder.mkdir()
    (folder / "mapping.yaml").write_text(MAPPING, encoding="utf-8")
    (folder / "items.csv").write_text("sku,name\n" + "".join(f"p{k},item {k}\n" for k in range(15)), encoding="utf-8")
    with (folder / "lines.csv").open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return folder


def run_jobs(profile: Profile, source: Path, run: str, jobs: Mapping[str, Mapping[str, Any]] = GRAPH_JOBS) -> None:
    """Ingest a source, reserve, count and relate, each with a record, and release that."""
    versions = dict(releases.released_versions(profile))
    for name, params in {"ingest": {"source": "files", "data": str(source)}, **jobs}.items():
        job = JobRun(profile=profile, run_id=run, versions=versions, params=params)
        result = load_job(name).run(job)
        write_record(name, name, job, result, Usage(0.0, 0.0, 0.0))
        versions |= result.versions
    releases.write_release(profile, run, versions)


def rows(profile: Profile, name: str) -> list[dict[str, Any]]:
    """Return a table's rows without the time of their last change, sorted."""
    found = lake.read_table(profile, name).to_pylist()
    return sorted(({k: v for k, v in row.items() if k not in ("updated_at", "row_hash")} for row in found), key=str)


@pytest.fixture(scope="module")
def shops(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> tuple[Profile, Profile, dict[str, Any]]:
    """Return a shop that forgot a user, one that never knew them, and the record of the erasure."""
    home = tmp_path_factory.mktemp("erasure")
    knew, never = (load_profile(overrides={"home": home / name}) for name in ("knew", "never"))
    everybody = lines()
    half = [row for row in everybody if row["day"] < "2024-02-01"]
    run_jobs(knew, write_source(home / "half", half), "first", jobs={})
    run_jobs(knew, write_source(home / "all", everybody), "second")
    for name in ("apply_features", "build_training_set", "materialise"):
        load_job(name).run(JobRun(profile=knew, run_id="second"))
    assert {path.split("/")[1] for path in files_below_that_hold(knew.root, names_of(knew))} >= {"events", "quarantine", "holdout"}
    run_jobs(never, write_source(home / "others", [row for row in everybody if row["customer"] != FORGOTTEN]), "second")
    before = {name: rows(knew, name) for name in COUNTED}
    assert all(before[name] != rows(never, name) for name in COUNTED)
    record = forget_user(knew, FORGOTTEN)
    assert record is not None
    return knew, never, record


def names_of(profile: Profile) -> list[str]:
    return [FORGOTTEN, hash_user(profile, FORGOTTEN), *(hash_user(profile, f"{FORGOTTEN}/{visit}") for visit in range(8))]


@pytest.mark.parametrize("name", COUNTED)
def test_every_table_equals_that_of_a_shop_that_never_knew_the_user(shops: tuple[Profile, Profile, dict[str, Any]], name: str) -> None:
    knew, never, _ = shops
    assert rows(knew, name) == rows(never, name)


def test_no_file_names_the_user_or_a_basket_of_theirs(shops: tuple[Profile, Profile, dict[str, Any]]) -> None:
    knew, _, _ = shops
    assert files_below_that_hold(knew.root, names_of(knew)) == []


def test_readers_meet_the_new_release_and_are_refused_the_old_ones(shops: tuple[Profile, Profile, dict[str, Any]]) -> None:
    knew, _, record = shops
    assert releases.read_release(knew).name == record["release"]
    assert record["invalid_releases"] == ["first", "second"]
    with pytest.raises(VersionMissing, match="a user was forgotten"):
        releases.read_release(knew, "second")


def test_the_online_store_holds_the_new_release(shops: tuple[Profile, Profile, dict[str, Any]]) -> None:
    knew, _, record = shops
    assert ONLINE_STATE == STATE  # the kernel may not import the job
    assert record["release"] in (knew.features / ONLINE_STATE).read_text(encoding="utf-8")
    relations = releases.read_release(knew).version_of("relations")
    assert [path.name for path in (knew.features / "snapshots").glob("relations@*")] == [f"relations@{relations}"]


def test_spark_reads_and_writes_the_tables_on(shops: tuple[Profile, Profile, dict[str, Any]], spark: SparkSession, tmp_path: Path) -> None:
    knew, _, _ = shops
    others = [row for row in lines() if row["customer"] != FORGOTTEN]
    before = {name: lake.current_version(knew, name) for name in ("events", "item_pairs", "relations")}
    run_jobs(knew, write_source(tmp_path / "again", others), "third")
    assert {name: lake.current_version(knew, name) for name in before} == before  # the same source writes nothing
    run_jobs(knew, write_source(tmp_path / "fewer", others[:-40]), "fourth")
    assert lake.current_version(knew, "item_pairs") != before["item_pairs"]


def test_after_upkeep_every_table_has_the_properties_that_all_readers_need(
    shops: tuple[Profile, Profile, dict[str, Any]], spark: SparkSession
) -> None:
    knew, _, _ = shops
    counted = {name: rows(knew, name) for name in COUNTED}
    upkeep.run(JobRun(profile=knew, run_id="m", params={"retention_hours": 0, "min_small_files": 2, "keep_releases": 1}))
    for name in (name for name in TABLES if lake.current_version(knew, name) is not None):
        delta = lake.open_table(knew, name)
        assert lake.PROPERTIES.items() <= delta.metadata().configuration.items(), name
        assert not [key for key in delta.metadata().configuration if "columnMapping" in key or "v2Checkpoint" in key]
        assert (delta.protocol().min_reader_version, delta.protocol().reader_features) == (1, None), name
        assert spark.read.format("delta").load(lake.table_uri(knew, name)).count() == lake.read_table(knew, name).num_rows
    assert {name: rows(knew, name) for name in COUNTED} == counted


def test_python_hashes_as_spark_does(spark: SparkSession, profile: Profile) -> None:
    ids = ["customer-00007", "ü", "a" * 200, "with space"]
    key = profile.user_hash_key.get_secret_value()
    found = spark.createDataFrame([(name,) for name in ids], "id string").select("id", cleaning.keyed_hash(F.col("id"), key).alias("hash"))
    assert {row["id"]: row["hash"] for row in found.collect()} == {name: hash_user(profile, name) for name in ids}
