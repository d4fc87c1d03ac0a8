"""Ingest on dirty rows: every row is kept, quarantined under the rule that it broke, or a duplicate, and the three add up."""

import hashlib
import hmac
import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from PIL import Image
from pyspark.sql import DataFrame, SparkSession

from goeswith.profile import Profile, load_profile
from spark_jobs.ingest import build_quarantine, build_tables, summarise
from spark_jobs.intake import parse_source, settle_tables
from spark_jobs.parsing import EPOCH
from spark_jobs.robots import Limits
from spark_jobs.settling import Settled
from spark_jobs.sources.base import PICTURES, RawTables
from spark_jobs.tables import merge_table, read_table

pytestmark = pytest.mark.spark

KEY = "goeswith-local"
NESTED = {"category": "array<string>", "attributes": "array<struct<name:string,value:string>>"}


def raw_frame(spark: SparkSession, rows: list[dict[str, Any]]) -> DataFrame:
    """Return a raw frame as a source gives it: strings, the row as it came, and what was wrong with the line."""
    names = list(dict.fromkeys(name for row in rows for name in row if name != "_problem"))
    schema = ", ".join(f"`{name}` {NESTED.get(name, 'string')}" for name in names)
    told = [{**row, "_row": json.dumps(row), "_problem": row.get("_problem")} for row in rows]
    return spark.createDataFrame(told, f"{schema}, _row string, _problem string")


def settle_source(raw: RawTables, source: str, profile: Profile, limits: Limits | None = None) -> dict[str, Settled]:
    return settle_tables(parse_source(raw, source, profile), limits or Limits())


def png(colour: int) -> bytes:
    out = io.BytesIO()
    Image.new("L", (8, 8), colour).save(out, "PNG")
    return out.getvalue()


ITEMS: list[dict[str, Any]] = [
    {"item_id": "a", "title": "Tom &amp;amp; Jerry&#39;s\u00a0 <b>mug</b>", "price": "$1,299.50", "category": ["Kitchen &amp; Home", " ", "mugs"]},
    {"item_id": "b", "title": '<span class="a-size-medium a-color-secondary"', "price": ".a-box{color:#fff}"},
    {"item_id": "c", "title": "pan", "price": "12,99 €", "attributes": [("colour", " red "), ("size", "")], "available": "out of stock"},
    {"item_id": " d ", "title": "", "price": "0.0209"},
    {"item_id": "e", "title": "first", "price": "1"},
    {"item_id": "e", "title": "second", "price": "1"},
    {"item_id": "e", "title": "second", "price": "1"},
    {"item_id": "f", "price": "-3"},
    {"item_id": "g", "price": "cheap"},
    {"item_id": "", "title": "no id"},
    {"item_id": "h", "available": "perhaps"},
    {"item_id": "i", "price": "1e99", "title": "not a price"},
    {"item_id": "a|b", "title": "an edge's name is 'relation|src|dst'"},
    {"item_id": "j", "title": "cut li", "_problem": "row_incomplete"},
    {"item_id": "k", "title": "caf\\xe9", "_problem": "text_not_utf8"},
]
USER = "customer-0001"
EVENTS: list[dict[str, Any]] = [
    {"basket_id": "s1", "user_id": USER, "item_id": "a", "kind": "purchase", "quantity": "2", "happened_at": "2024-01-05"},
    {"basket_id": "s1", "user_id": USER, "item_id": "b", "kind": "purchase", "happened_at": "2024-01-05T10:00:00+02:00"},
    {"basket_id": "s1", "user_id": USER, "item_id": "b", "kind": "purchase", "happened_at": "2024-01-05T10:00:00+02:00"},
    {"basket_id": "s2", "item_id": "c", "kind": "View", "happened_at": "1404864000"},
    {"basket_id": "s2", "user_id": USER, "item_id": "nowhere", "kind": "view"},
    {"basket_id": "s2", "item_id": "a", "kind": "stare"},
    {"basket_id": "s2", "item_id": "a", "kind": "view", "quantity": "0"},
    {"basket_id": "s2", "item_id": "a", "kind": "view", "quantity": "some"},
    {"basket_id": "s2", "item_id": "a", "kind": "view", "happened_at": "yesterday"},
    {"basket_id": " ", "item_id": "a", "kind": "view"},
    {"basket_id": "s3", "item_id": "a", "kind": "purchase", "price": "-1"},
]
BUNDLES = [
    {"bundle_id": "b1", "item_id": "a", "group_id": "s1", "title": "for &quot;two&quot;"},
    {"bundle_id": "b1", "item_id": "b", "group_id": "s1"},
    {"bundle_id": "b1", "item_id": "nowhere", "group_id": "s1"},
    {"bundle_id": "b1", "item_id": "a", "origin": "stolen"},
]
RELATIONS = [
    {"kind": "also_bought", "src": "a", "dst": "b"},
    {"kind": "also_bought", "src": "a", "dst": "a"},
    {"kind": "also_liked", "src": "a", "dst": "b"},
    {"kind": "also_viewed", "src": "a", "dst": "nowhere"},
]
PICTURE_ROWS = [
    ("a", "a.png", png(1)),
    ("b", "b.png", b"no picture"),
    ("c", "c.png", None),
    ("nowhere", "x.png", png(2)),
    ("e", "e.png", png(1)[:40]),
]


@pytest.fixture(scope="module")
def raw(spark: SparkSession) -> RawTables:
    return RawTables(
        items=raw_frame(spark, ITEMS),
        events=raw_frame(spark, EVENTS),
        bundles=raw_frame(spark, BUNDLES),
        declared_relations=raw_frame(spark, RELATIONS),
        pictures=spark.createDataFrame(PICTURE_ROWS, PICTURES),
    )


@pytest.fixture(scope="module")
def settled(raw: RawTables, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Settled]:
    return settle_source(raw, "dirty", load_profile(overrides={"home": tmp_path_factory.mktemp("ingest")}))


@pytest.fixture(scope="module")
def tables(spark: SparkSession, settled: dict[str, Settled]) -> dict[str, DataFrame]:
    return {**build_tables(spark, settled), "quarantine": build_quarantine(settled, "dirty")}


def test_every_row_is_kept_quarantined_under_its_rule_or_a_duplicate(settled: dict[str, Settled]) -> None:
    summary = summarise(settled)
    assert summary["rows"] == {
        "items": {"in": 15, "kept": 5, "quarantined": 9, "duplicates": 1},
        "events": {"in": 11, "kept": 3, "quarantined": 7, "duplicates": 1},
        "bundles": {"in": 4, "kept": 2, "quarantined": 2, "duplicates": 0},
        "declared_relations": {"in": 4, "kept": 1, "quarantined": 3, "duplicates": 0},
        "pictures": {"in": 5, "kept": 1, "quarantined": 4, "duplicates": 0},
    }
    assert settled["items"].account.rules == {
        "id_conflict": 1,
        "price_negative": 1,
        "price_unreadable": 2,
        "id_empty": 1,
        "id_reserved_sign": 1,
        "available_unreadable": 1,
        "row_incomplete": 1,
        "text_not_utf8": 1,
    }
    assert settled["events"].account.rules == {
        "item_unknown": 1,
        "kind_unknown": 1,
        "quantity_out_of_range": 1,
        "quantity_unreadable": 1,
        "time_unreadable": 1,
        "basket_empty": 1,
        "price_negative": 1,
    }
    assert settled["bundles"].account.rules == {"item_unknown": 1, "origin_unknown": 1}
    assert settled["declared_relations"].account.rules == {"edge_to_itself": 1, "kind_unknown": 1, "item_unknown": 1}
    assert settled["pictures"].account.rules == {"picture_unreadable": 2, "picture_missing": 1, "item_unknown": 1}


def test_kept_items_are_clean(tables: dict[str, DataFrame]) -> None:
    items = {row["item_id"]: row.asDict(recursive=True) for row in tables["items"].collect()}
    assert set(items) == {"a", "b", "c", "d", "e"}
    assert items["a"]["title"] == "Tom & Jerry's mug"
    assert items["a"]["category"] == ["Kitchen & Home", "mugs"]
    assert (items["a"]["price"], items["a"]["currency"]) == (1299.5, "USD")
    assert (items["b"]["title"], items["b"]["price"], items["b"]["currency"]) == (None, None, None)
    assert (items["c"]["price"], items["c"]["currency"], items["c"]["available"]) == (12.99, "EUR", False)
    assert items["c"]["attributes"] == [{"name": "colour", "value": "red"}]
    assert (items["d"]["price"], items["d"]["title"]) == (0.0209, None)
    assert items["e"]["title"] == "second"
    assert str(items["a"]["known_at"]) == EPOCH


def test_an_item_whose_picture_is_unreadable_or_missing_is_kept_without_one(tables: dict[str, DataFrame]) -> None:
    images = {row["item_id"]: row["image"] for row in tables["items"].collect()}
    assert images["a"] == f"{hashlib.sha256(png(1)).hexdigest()[:2]}/{hashlib.sha256(png(1)).hexdigest()}.png"
    assert images["b"] is images["c"] is images["e"] is None


def test_users_are_known_by_hmac_only_in_events_and_in_the_quarantine(tables: dict[str, DataFrame]) -> None:
    hashed = hmac.new(KEY.encode(), USER.encode(), "sha256").hexdigest()
    events = tables["events"].collect()
    assert {row["user_id"] for row in events} == {hashed, None}
    refused = [row["row"] for row in tables["quarantine"].where("target = 'events' and rule = 'item_unknown'").collect()]
    assert len(refused) == 1
    assert USER not in refused[0]
    assert json.loads(refused[0])["user_id"] == hashed


def test_times_are_read_as_iso_text_with_offset_or_epoch_seconds(tables: dict[str, DataFrame]) -> None:
    moments = {row["item_id"]: row["at"] for row in tables["events"].selectExpr("item_id", "unix_timestamp(happened_at) at").collect()}
    assert moments["b"] == datetime(2024, 1, 5, 8, tzinfo=UTC).timestamp()
    assert moments["c"] == 1404864000


def test_a_bundle_and_its_session_still_meet_after_hashing(tables: dict[str, DataFrame]) -> None:
    bundles, events = tables["bundles"], tables["events"]
    assert bundles.join(events, on=bundles["group_id"] == events["basket_id"], how="left_semi").count() == 2
    assert {row["title"] for row in bundles.collect()} == {'for "two"', None}


def test_ingesting_again_changes_nothing_and_another_source_replaces_all(spark: SparkSession, profile: Profile, tables: dict[str, DataFrame]) -> None:
    def write(name: str, frame: DataFrame) -> int:
        return merge_table(spark, profile, name, frame, run_id="r1", job="ingest", consumed={}, delete_missing=True)

    first = {name: write(name, frame) for name, frame in tables.items()}
    assert {name: write(name, frame) for name, frame in tables.items()} == first
    other = RawTables(items=raw_frame(spark, [{"item_id": "z", "title": "other"}]))
    others = settle_source(other, "other", profile)
    replaced = {**build_tables(spark, others), "quarantine": build_quarantine(others, "other")}
    versions = {name: write(name, frame) for name, frame in replaced.items()}
    held = {name: read_table(spark, profile, name, version).count() for name, version in versions.items()}
    assert held == {"items": 1, "events": 0, "bundles": 0, "declared_relations": 0, "quarantine": 0}


def test_one_basket_of_5000_items_is_kept_whole(spark: SparkSession, profile: Profile) -> None:
    many = [{"item_id": f"i{k}"} for k in range(5000)]
    events = [{"basket_id": "huge", "item_id": f"i{k}", "kind": "purchase"} for k in range(5000)]
    raw = RawTables(items=raw_frame(spark, many), events=raw_frame(spark, events))
    settled = settle_source(raw, "huge", profile, Limits(max_basket_lines=5_000))
    assert settled["events"].account.as_row() == {"in": 5000, "kept": 5000, "quarantined": 0, "duplicates": 0}
