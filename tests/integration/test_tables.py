"""MERGE by the catalogue: rows that are equal stay untouched, and what does not fit is named before anything is written."""

import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from goeswith import lake
from goeswith.errors import DataContractError, VersionMissing
from goeswith.profile import Profile
from spark_jobs import cleaning
from spark_jobs.tables import create_table, empty_table, merge_table, read_table
from tests.spark_rows import rows_of

pytestmark = pytest.mark.spark

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def item(name: str, **more: Any) -> dict[str, Any]:
    return {"item_id": name, "available": True, "known_at": EPOCH, **more}


def write(spark: SparkSession, profile: Profile, rows: list[dict[str, Any]], *, delete_missing: bool = False) -> int:
    frame = rows_of(spark, "items", rows)
    return merge_table(spark, profile, "items", frame, run_id="r", job="test", consumed={"events": 3}, delete_missing=delete_missing)


def stamps(profile: Profile) -> dict[str, datetime]:
    return {row["item_id"]: row["updated_at"] for row in lake.read_table(profile, "items").to_pylist()}


def data_files(profile: Profile) -> set[Path]:
    return set(Path(lake.table_uri(profile, "items")).rglob("*.parquet"))


def test_only_changed_rows_get_a_new_stamp_and_rows_that_are_gone_go_when_asked(spark: SparkSession, profile: Profile) -> None:
    write(spark, profile, [item("a", title="A"), item("b", category=["x", "y"]), item("c")])
    before = stamps(profile)
    write(spark, profile, [item("a", title="A2"), item("b", category=["x", "y"]), item("d")])
    after = stamps(profile)
    assert {name for name in before if after[name] != before[name]} == {"a"}
    assert set(after) == {"a", "b", "c", "d"}
    write(spark, profile, [item("b", category=["x", "y"])], delete_missing=True)
    assert stamps(profile) == {"b": before["b"]}


def test_the_same_rows_again_leave_no_file_and_no_version(spark: SparkSession, profile: Profile) -> None:
    rows = [item("a", attributes=[("colour", "red")]), item("b", price=1.5), item("c")]
    first, files = write(spark, profile, rows, delete_missing=True), data_files(profile)
    random.Random(0).shuffle(rows)  # noqa: S311 - an order, no secret
    assert write(spark, profile, rows, delete_missing=True) == first
    assert write(spark, profile, rows) == first
    assert data_files(profile) == files


def test_a_value_that_moves_to_another_column_is_a_change(spark: SparkSession, profile: Profile) -> None:
    first = write(spark, profile, [item("a", title="x"), item("b", category=["x"])], delete_missing=True)
    assert write(spark, profile, [item("a", brand="x"), item("b", category=["x"])], delete_missing=True) == first + 1
    assert write(spark, profile, [item("a", brand="x"), item("b", attributes=[("x", None)])], delete_missing=True) == first + 2


def test_a_commit_says_which_run_and_job_made_it_from_which_versions(spark: SparkSession, profile: Profile) -> None:
    write(spark, profile, [item("a")])
    last = lake.open_table(profile, "items").history(1)[0]
    assert last["userMetadata"] == '{"consumed": {"events": 3}, "job": "test", "run": "r"}'


def test_a_table_is_read_as_it_stood_at_a_version_and_a_missing_one_is_named(spark: SparkSession, profile: Profile) -> None:
    version = write(spark, profile, [item("a", title="old")])
    write(spark, profile, [item("a", title="new")])
    assert [row["title"] for row in read_table(spark, profile, "items", version).collect()] == ["old"]
    with pytest.raises(VersionMissing, match="no version 99"):
        read_table(spark, profile, "items", 99)
    with pytest.raises(VersionMissing, match="'events' is not in"):
        read_table(spark, profile, "events", 0)


def test_what_does_not_fit_the_catalogue_is_named_and_nothing_is_written(spark: SparkSession, profile: Profile) -> None:
    def merge(name: str, frame: Any) -> int:
        return merge_table(spark, profile, name, frame, run_id="r", job="test", consumed={})

    rows = rows_of(spark, "items", [item("a")])
    with pytest.raises(DataContractError, match="repeat the key item_id='a'"):
        merge("items", rows.unionByName(rows))
    with pytest.raises(DataContractError, match=r"items\.available holds nulls"):
        merge("items", rows.withColumn("available", F.lit(None).cast("boolean")))
    with pytest.raises(DataContractError, match="lack column 'known_at'"):
        merge("items", rows.drop("known_at"))
    with pytest.raises(DataContractError, match="'pair_scores' is written by training"):
        merge("pair_scores", rows)
    assert lake.current_version(profile, "items") is None


def test_the_table_itself_refuses_nulls_and_keeps_a_change_feed(spark: SparkSession, profile: Profile) -> None:
    create_table(spark, profile, "items")
    properties = lake.open_table(profile, "items").metadata().configuration
    assert {name: properties[name] for name in lake.PROPERTIES} == lake.PROPERTIES
    broken = rows_of(spark, "items", [item("a")]).withColumns({"available": F.lit(None).cast("boolean"), "updated_at": F.current_timestamp()})
    with pytest.raises(Py4JJavaError, match="NOT_NULL_CONSTRAINT_VIOLATED"):
        broken.write.format("delta").mode("append").save(lake.table_uri(profile, "items"))


def test_tables_are_partitioned_as_the_catalogue_says_and_readable_without_a_jvm(spark: SparkSession, profile: Profile) -> None:
    pairs = [{"graph": g, "relation": "co_view", "src": "a", "dst": "b", "n": 1, "known_at": EPOCH} for g in ("full", "evaluation")]
    merge_table(spark, profile, "item_pairs", rows_of(spark, "item_pairs", pairs), run_id="r", job="test", consumed={})
    assert lake.open_table(profile, "item_pairs").metadata().partition_columns == ["graph", "relation"]
    assert lake.read_table(profile, "item_pairs", where={"graph": "full"}).num_rows == 1


PRICES = {
    "$1,299.50": 1299.5,
    "12,99 €": 12.99,
    "EUR 1.299,00": 1299.0,
    "1'299.00": 1299.0,
    "0.0209152542372881": 0.0209152542372881,
    "-3": -3.0,
    "1,299": 1299.0,
    "": None,
    "free": None,
    "$5.00 - $10.00": None,
    "NaN": None,
    ".a-box{width:20px}": None,
    "US$ 1.234,56": 1234.56,
    "1 299 kr": 1299.0,
    "1\u202f299,00 €": 1299.0,
    "CHF 1\u2019299.00": 1299.0,
    "¥1,200": 1200.0,
    "Rs. 499": 499.0,
    "12,-": 12.0,
    "1.299 €": 1299.0,
    "1.299": 1.299,
    "$1.299": 1.299,
    "R$ 1.234.567,89": 1234567.89,
    "1.234.567": 1234567.0,
    "0,0209": 0.0209,
    "0.299 €": 0.299,
    "£12.99 - £15.99": None,
    "($5.00)": None,
    "-€5": None,
    "€-5": -5.0,
    "about 5": None,
    "1e3": None,
}
CURRENCIES = {
    "US$ 1.234,56": "USD",
    "$5": "USD",
    "HK$ 5": "HKD",
    "R$ 5": "BRL",
    "S$5": "SGD",
    "CHF 12": "CHF",
    "12 EUR": "EUR",
    "Rs. 499": "INR",
    "\uffe51,200": "JPY",
    "5 kr": None,
    "5": None,
}


def test_a_currency_is_read_from_its_sign_or_code_and_the_declared_one_wins(spark: SparkSession) -> None:
    frame = spark.createDataFrame([(text,) for text in CURRENCIES], "text string")
    read = frame.select(
        "text", cleaning.parse_currency(F.col("text"), F.lit(" ")).alias("said"), cleaning.parse_currency(F.col("text"), F.lit("XTS"))
    )
    rows = read.collect()
    assert {row["text"]: row["said"] for row in rows} == CURRENCIES
    assert {row[2] for row in rows} == {"XTS"}


def test_price_texts_are_read_as_people_write_them(spark: SparkSession) -> None:
    frame = spark.createDataFrame([(text,) for text in PRICES], "text string")
    read = frame.select("text", cleaning.parse_price(F.col("text")).alias("price")).collect()
    assert {row["text"]: row["price"] for row in read} == PRICES


TEXTS = {
    "  two \n\u00a0 words ": "two words",
    "<b>bold</b> cup": "bold cup",
    "<script>var a = '<b>';</script>lamp": "lamp",
    '<span class="a-size-medium a-color-secondary"': None,
    "size < 5 and > 3": "size < 5 and > 3",
    "I <3 cups": "I <3 cups",
    "<br>": None,
}


def test_markup_is_stripped_and_what_only_looks_like_it_stays(spark: SparkSession) -> None:
    frame = spark.createDataFrame([(text,) for text in TEXTS], "text string")
    read = frame.select("text", cleaning.clean_text(F.col("text")).alias("clean")).collect()
    assert {row["text"]: row["clean"] for row in read} == TEXTS


TIMES = {
    "2018-09-20": 1537401600,
    "2024-01-05T10:00:00+02:00": 1704441600,
    "2024-01-05 08:00:00": 1704441600,
    "1404864000": 1404864000,
    "1404864000000": 1404864000,
    "20180920": 1537401600,
    "yesterday": None,
    "2024-13-45": None,
    "": None,
}


def test_times_are_read_in_the_forms_that_sources_use(spark: SparkSession) -> None:
    frame = spark.createDataFrame([(text,) for text in TIMES], "text string")
    read = frame.select("text", F.unix_timestamp(cleaning.parse_time(F.col("text"))).alias("at")).collect()
    assert {row["text"]: row["at"] for row in read} == TIMES


def test_a_join_with_an_empty_table_is_planned_away(spark: SparkSession) -> None:
    rows = spark.range(3).select(F.col("id").cast("string").alias("item_id"))
    joined = rows.join(empty_table(spark, "items").select("item_id", "title"), on="item_id", how="left")
    assert "Join" not in joined._jdf.queryExecution().optimizedPlan().toString()
    assert joined.count() == 3
