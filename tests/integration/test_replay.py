"""Refused rows try again: as they stand once their cause is gone, or repaired; no row is lost, hashed twice or counted twice."""

import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from goeswith import lake
from goeswith.command.quarantine import read_refused
from goeswith.errors import SourceUnreadable
from goeswith.jobs import JobResult
from goeswith.profile import Profile
from spark_jobs import ingest
from spark_jobs.repairs import read_repairs
from spark_jobs.replay import parse_refused
from spark_jobs.sources.mapping import Mapping
from spark_jobs.tables import merge_table
from tests.own_shop import content, replay, take_in, write_shop

pytestmark = pytest.mark.spark

USER = "customer-0001"
PAN = {"item_id": "pan", "title": "Pan", "price": "0.000169"}
NEGATIVE = {"item_id": "pot", "title": "Pot", "price": "-5", "known_at": "2024-01-02"}
BOUGHT = {
    "event_id": "1",
    "basket_id": f"{USER}|2024",
    "user_id": USER,
    "item_id": "pan",
    "quantity": "2",
    "happened_at": "2024-01-03",
    "kind": "purchase",
}
LATE = {**BOUGHT, "event_id": "2", "item_id": "wok"}
POT = {**BOUGHT, "event_id": "3", "item_id": "pot", "cancelled": "yes"}
UNREADABLE = {**BOUGHT, "event_id": "4", "quantity": "two"}


def hashed(text: str) -> str:
    return hmac.new(b"goeswith-local", text.encode(), "sha256").hexdigest()


def export(profile: Profile, file: Path, **repairs: dict[str, Any]) -> Path:
    """Write the quarantine as ``list --json`` does, with some fields repaired, by rule."""
    rows = [{**row, "fields": {**row["fields"], **repairs.get(row["rule"], {})}} for row in read_refused(profile, {})]
    file.write_text("\n".join(json.dumps(row) for row in rows if row["rule"] in repairs) + "\n", encoding="utf-8")
    return file


def total(result: JobResult, outcome: str) -> int:
    return sum(rows[outcome] for rows in result.summary["rows"].values())


def standing(profile: Profile) -> int:
    return sum(lake.read_table(profile, name).num_rows for name in ("items", "events"))


def crash_before_quarantine(spark: SparkSession, profile: Profile, name: str, *rows: Any, **how: Any) -> int:
    if name == "quarantine":
        raise KeyboardInterrupt
    return merge_table(spark, profile, name, *rows, **how)


def test_rows_that_pass_enter_once_and_leave_with_a_crash_between_and_all_rows_are_accounted_for(
    spark: SparkSession, profile: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = take_in(profile, write_shop(tmp_path / "1", [PAN, NEGATIVE], [BOUGHT, LATE, POT, UNREADABLE]), mode="snapshot")
    assert first.summary["rules"] == {"price_negative": 1, "item_unknown": 2, "quantity_unreadable": 1}
    assert "hmac:" in str(content(profile, "quarantine", "fields"))
    assert USER not in str(content(profile, "quarantine", "fields", "row"))

    second = take_in(profile, write_shop(tmp_path / "2", [{"item_id": "wok", "title": "Wok"}]))  # the late event's item
    repaired = export(profile, tmp_path / "rows.jsonl", price_negative={"price": "5,00 €"}, item_unknown={}, quantity_unreadable={"quantity": 0})

    with monkeypatch.context() as patch:
        patch.setattr(ingest, "merge_table", crash_before_quarantine)
        with pytest.raises(KeyboardInterrupt):
            replay(profile, file=str(repaired))
    assert len(content(profile, "quarantine", "rule")) == 4

    done = replay(profile, file=str(repaired))
    assert content(profile, "items", "item_id", "price", "currency") == [("pan", 0.000169, None), ("pot", 5.0, "EUR"), ("wok", None, None)]
    events = content(profile, "events", "event_id", "user_id", "basket_id", "quantity")
    who = (hashed(USER), hashed(f"{USER}|2024"))
    assert events == [("1", *who, 2), ("2", *who, 2), ("3", *who, 0)]
    assert content(profile, "quarantine", "rule", "detail") == [("quantity_out_of_range", "quantity=0")]
    came = total(first, "in") + total(second, "in")
    assert came == standing(profile) + lake.read_table(profile, "quarantine").num_rows + total(first, "duplicates") + total(second, "duplicates")
    assert total(done, "in") == total(done, "kept") + total(done, "duplicates") + total(done, "quarantined") == 4

    again = replay(profile)
    assert again.versions == done.versions
    assert again.summary["rows"] == {"events": {"in": 1, "kept": 0, "quarantined": 1, "duplicates": 0}}


def test_a_row_that_lost_to_a_newer_one_and_one_that_was_cut_stay_refused_as_they_stand(
    spark: SparkSession, profile: Profile, tmp_path: Path
) -> None:
    folder = write_shop(tmp_path / "1", [{"item_id": "a", "title": "first"}, {"item_id": "a", "title": "second"}])
    with (folder / "items.jsonl").open("a", encoding="utf-8") as lines:
        lines.write('{"item_id": "cut", "title": "li\n')
    take_in(profile, folder, mode="snapshot")
    before = content(profile, "quarantine", "row_hash", "rule", "fields")
    assert [rule for _, rule, _ in sorted(before, key=lambda row: row[1])] == ["id_conflict", "row_incomplete"]
    done = replay(profile)
    assert done.summary["rules"] == {"id_conflict": 1, "row_incomplete": 1}
    assert content(profile, "quarantine", "row_hash", "rule", "fields") == before
    mended = export(profile, tmp_path / "rows.jsonl", row_incomplete={"item_id": "cut", "title": "lid"})
    assert replay(profile, file=str(mended), rule="row_incomplete").summary["rows"]["items"]["kept"] == 1
    assert content(profile, "items", "item_id", "title") == [("a", "second"), ("cut", "lid")]


LINE = {"source": "s", "row_hash": "h", "target": "events", "fields": {"quantity": 1}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no json", "no exported row: no json"),
        (json.dumps({**LINE, "target": "orders"}), "no exported row"),
        (json.dumps({**LINE, "fields": None}), "no exported row"),
        (json.dumps({**LINE, "fields": {"amount": 1}}), "events have no field 'amount'"),
        (f"{json.dumps(LINE)}\n{json.dumps(LINE)}", "repairs the row h 2 times"),
    ],
)
def test_a_file_that_is_no_export_is_refused_with_the_line_at_fault(spark: SparkSession, tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(text + "\n", encoding="utf-8")
    with pytest.raises(SourceUnreadable, match=message):
        read_repairs(spark, file)
    with pytest.raises(SourceUnreadable, match="no file"):
        read_repairs(spark, tmp_path / "none.jsonl")


def test_a_corrected_mapping_reads_the_rows_anew_but_for_ids_that_are_hashed(spark: SparkSession, profile: Profile) -> None:
    row = {"sku": "a", "cost": "5", "label": "n/a", "order": "o1"}
    fields = {"event_id": "e", "basket_id": "hmac:" + "0" * 64, "item_id": "a", "price": "n/a", "kind": "purchase", "quantity": "2"}
    refused = {"source": "files", "row_hash": "h", "target": "events", "rule": "price_unreadable", "detail": "price=n/a"}
    told = {**refused, "row": json.dumps(row), "fields": json.dumps(fields), "given": json.dumps(fields)}
    chosen = spark.createDataFrame([told], ", ".join(f"{name} string" for name in told))
    file = {"format": "csv", "columns": {"basket_id": "order", "item_id": "sku", "price": "cost", "quantity": "pieces"}}
    items = {"file": "i.csv", "format": "csv", "columns": {"item_id": "sku"}}
    mapping = Mapping.model_validate({"items": items, "events": {"file": "e.csv", **file}})
    as_it_stands, anew = (parse_refused(chosen, profile, by)["events"].typed.collect()[0] for by in (None, mapping))
    assert (as_it_stands["_rule"], anew["_rule"]) == ("price_unreadable", None)
    assert (anew["price"], anew["quantity"], anew["basket_id"], anew["event_id"]) == (5.0, 2, "0" * 64, "e")
