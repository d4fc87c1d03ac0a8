"""A stream is an increment in pieces: the same rows stand, crashes between or not, and each is accounted for once."""

import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from pyspark.sql import SparkSession

from goeswith import lake
from goeswith.errors import ConfigError, DataContractError, SourceUnreadable
from goeswith.jobs import JobResult, JobRun
from goeswith.profile import Profile, load_profile
from spark_jobs import ingest
from spark_jobs.intake import parse_tables
from spark_jobs.row_checks import RULE
from spark_jobs.streams import job as stream_job
from spark_jobs.streams.kafka import build_kafka
from spark_jobs.streams.query import hold_stream
from spark_jobs.tables import merge_table
from tests.own_shop import EVENTS, ITEMS, Row, content, take_in

pytestmark = pytest.mark.spark

PAN: Row = {"item_id": "pan", "title": "Pan", "price": "5", "known_at": "2024-01-02"}
LID: Row = {"item_id": "lid", "title": "Lid"}
BOUGHT: Row = {
    "event_id": "1",
    "basket_id": "b",
    "user_id": "customer-0001",
    "item_id": "pan",
    "quantity": "2",
    "happened_at": "2024-01-03",
    "kind": "purchase",
}
LID_BOUGHT = {**BOUGHT, "event_id": "2", "item_id": "lid", "quantity": "1"}
WOK_BOUGHT = {**BOUGHT, "event_id": "3", "item_id": "wok"}
TABLES = ("items", "events", "quarantine")
KEYS = {"items": "item_id", "events": "event_id", "quarantine": "row_hash"}


def watch(folder: Path) -> Path:
    """Make a folder whose items and events are folders of JSON lines."""
    columns = {"items": ITEMS, "events": EVENTS}
    for name in columns:
        (folder / name).mkdir(parents=True)
    mapping = {name: {"file": name, "format": "jsonl", "columns": {column: column for column in of}} for name, of in columns.items()}
    (folder / "mapping.yaml").write_text(yaml.safe_dump(mapping), encoding="utf-8")
    return folder


def drop(folder: Path, file: str, *rows: Row) -> Path:
    """Let a file appear; every column is there, null where a row says nothing."""
    columns = ITEMS if file.startswith("items") else EVENTS
    text = "".join(json.dumps({**dict.fromkeys(columns), **row}) + "\n" for row in rows)
    (folder / file).write_text(text, encoding="utf-8")
    return folder / file


def stream(profile: Profile, folder: Path, run: str = "s", **params: Any) -> JobResult:
    return stream_job.run(JobRun(profile=profile, run_id=run, params={"data": str(folder), **params}))


def standing(profile: Profile) -> dict[str, list[tuple[Any, ...]]]:
    """Return all rows of the tables, but for when they were written."""
    wanted = {name: [column for column in lake.open_table(profile, name).schema().to_arrow().names if column != "updated_at"] for name in TABLES}
    return {name: content(profile, name, *columns) for name, columns in wanted.items()}


def rows(result: JobResult) -> list[Mapping[str, Any]]:
    return [batch["rows"] for batch in result.summary["batches"]]


def counts(came: int, kept: int, quarantined: int, duplicates: int) -> dict[str, int]:
    return {"in": came, "kept": kept, "quarantined": quarantined, "duplicates": duplicates}


def accounts(profile: Profile) -> list[tuple[Any, ...]]:
    return content(profile, "stream_batches", "batch", "target", "rows_in", "kept", "quarantined", "duplicates")


def versions(profile: Profile) -> dict[str, int | None]:
    return {name: lake.current_version(profile, name) for name in (*TABLES, "stream_batches")}


def cut_power(*of: Any) -> None:
    raise RuntimeError("power cut")


def fail_at(table: str) -> Any:
    """Return a ``merge_table`` that dies before it writes one table."""

    def merge_or_fail(*of: Any, **how: Any) -> int:
        if of[2] == table:
            cut_power()
        return merge_table(*of, **how)

    return merge_or_fail


def home(tmp_path: Path, name: str) -> Profile:
    return load_profile(overrides={"home": tmp_path / name})


def test_a_stream_holds_what_an_increment_of_the_same_files_holds_and_takes_each_file_once(spark: SparkSession, tmp_path: Path) -> None:
    folder, batch, streamed = watch(tmp_path / "shop"), home(tmp_path, "batch"), home(tmp_path, "streamed")
    drop(folder, "items/1.jsonl", PAN, LID, {**LID, "price": "-1"})
    drop(folder, "events/1.jsonl", BOUGHT, BOUGHT, LID_BOUGHT, WOK_BOUGHT)
    take_in(batch, folder)
    done = stream(streamed, folder)
    assert rows(done) == [{"items": counts(3, 2, 1, 0), "events": counts(4, 2, 1, 1)}]
    assert standing(streamed) == standing(batch)

    nothing = stream(streamed, folder, run="again")
    assert nothing.summary["batches"] == []
    assert nothing.versions == done.versions

    late = {**BOUGHT, "event_id": "4", "item_id": "lid", "happened_at": "2023-12-31"}
    corrected = {**BOUGHT, "quantity": "5", "recorded_at": "2024-01-05"}
    outdated = {**LID_BOUGHT, "quantity": "9", "recorded_at": "2024-01-01"}
    drop(folder, "events/2.jsonl", late, corrected, outdated)
    more = stream(streamed, folder, run="more")
    assert rows(more) == [{"events": counts(3, 2, 1, 0)}]
    assert more.summary["batches"][0]["rules"] == {"id_conflict": 1}
    assert content(streamed, "events", "event_id", "quantity") == [("1", 5), ("2", 1), ("4", 2)]


def test_a_micro_batch_that_was_cut_off_anywhere_is_taken_in_again_and_accounted_for_once(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, calm = watch(tmp_path / "shop"), home(tmp_path, "calm")
    drop(folder, "items/1.jsonl", PAN, LID, {**LID, "price": "-1"})
    drop(folder, "events/1.jsonl", BOUGHT, BOUGHT, {**BOUGHT, "quantity": "7", "recorded_at": "2024-01-09"}, WOK_BOUGHT)
    undisturbed = stream(calm, folder)
    assert rows(undisturbed) == [{"items": counts(3, 2, 1, 0), "events": counts(4, 1, 3, 0)}]
    for table in ("events", "quarantine", "the stream's own commit"):
        struck = home(tmp_path, table.split()[0])
        with monkeypatch.context() as patch:
            patch.setattr(ingest, "merge_table", fail_at(table))
            with pytest.raises(SourceUnreadable, match="power cut"):
                stream_job.take_stream(JobRun(profile=struck, run_id="s", params={"data": str(folder)}), cut_power)
        assert rows(stream(struck, folder)) == rows(undisturbed), table
        assert standing(struck) == standing(calm), table
        assert accounts(struck) == accounts(calm) == [(0, "events", 4, 1, 3, 0), (0, "items", 3, 2, 1, 0)], table
        assert versions(struck) == versions(calm), table


def test_in_however_small_pieces_files_are_taken_the_sums_are_those_of_all(spark: SparkSession, profile: Profile, tmp_path: Path) -> None:
    folder = watch(tmp_path / "shop")
    drop(folder, "items/1.jsonl", PAN, LID)
    stream(profile, folder)
    for n in range(3):
        drop(folder, f"events/{n}.jsonl", BOUGHT, {**BOUGHT, "event_id": f"e{n}"}, {**WOK_BOUGHT, "event_id": f"w{n}"})
    done = stream(profile, folder, run="pieces", max_files=1)
    assert len(rows(done)) == 3
    total = [sum(batch["events"][name] for batch in rows(done)) for name in ("in", "kept", "quarantined", "duplicates")]
    assert total == [9, 4, 3, 2]
    assert len(content(profile, "events", "event_id")) == 4


def test_files_that_cannot_be_read_are_refused_by_name_and_keep_out_no_other(spark: SparkSession, profile: Profile, tmp_path: Path) -> None:
    folder = watch(tmp_path / "shop")
    drop(folder, "items/1.jsonl", PAN)
    other = folder / "events/other.jsonl"
    other.write_text('{"order": 1, "article": 2}\n', encoding="utf-8")
    cut = folder / "events/cut.jsonl.gz"
    cut.write_bytes(gzip.compress(json.dumps({**dict.fromkeys(EVENTS), **BOUGHT}).encode() * 1000)[:-60])
    drop(folder, "events/good.jsonl", BOUGHT)
    done = stream(profile, folder)
    (batch,) = done.summary["batches"]
    assert set(batch["refused"]) == {str(other), str(cut)}
    assert "no column" in batch["refused"][str(other)]
    assert batch["rows"] == {"items": counts(1, 1, 0, 0), "events": counts(1, 1, 0, 0)}
    assert stream(profile, folder, run="next").summary["batches"] == []


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_any_format_of_a_mapping_is_taken_and_a_broken_file_of_it_refused(spark: SparkSession, profile: Profile, tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "shop"
    mapping = {"items": {"file": "items", "format": kind, "columns": {"item_id": "sku", "title": "name"}}}
    frame = spark.createDataFrame([("pan", "Pan")], "sku string, name string").coalesce(1)
    frame.write.format(kind).option("header", "true").save(str(folder / "items"))
    (folder / "mapping.yaml").write_text(yaml.safe_dump(mapping), encoding="utf-8")
    bad = folder / f"items/bad.{kind}"
    bad.write_bytes(b"PAR1 and no more")
    (batch,) = stream(profile, folder).summary["batches"]
    assert list(batch["refused"]) == [str(bad)]
    assert content(profile, "items", "item_id", "title") == [("pan", "Pan")]


def test_where_another_process_takes_the_stream_in_nothing_is_done_and_its_versions_are_told(
    spark: SparkSession, profile: Profile, tmp_path: Path
) -> None:
    folder = watch(tmp_path / "shop")
    drop(folder, "items/1.jsonl", PAN)
    first = stream(profile, folder)
    drop(folder, "items/2.jsonl", LID)
    (place,) = (profile.root / "streams").iterdir()
    with hold_stream(place) as mine:
        assert mine
        done = stream(profile, folder, run="second")
    assert done.summary == {"batches": [], "taken_by_another": True}
    assert done.versions == first.versions


def test_rows_that_a_gate_put_back_are_not_passed_over_in_silence(spark: SparkSession, profile: Profile, tmp_path: Path) -> None:
    folder = watch(tmp_path / "shop")
    drop(folder, "items/1.jsonl", PAN)
    before = stream(profile, folder).versions["items"]
    drop(folder, "items/2.jsonl", LID)
    stream(profile, folder, run="refused")
    lake.open_table(profile, "items").restore(before)
    with pytest.raises(DataContractError, match="items was put back") as caught:
        stream(profile, folder, run="next")
    (place,) = (profile.root / "streams").iterdir()
    assert str(place) in caught.value.remedy


def test_a_delta_table_and_an_unknown_parameter_are_refused(profile: Profile, tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    mapping = {"items": {"file": "items", "format": "delta", "columns": {"item_id": "sku"}}}
    (folder / "mapping.yaml").write_text(yaml.safe_dump(mapping), encoding="utf-8")
    with pytest.raises(ConfigError, match="items is a Delta table"):
        stream(profile, folder)
    with pytest.raises(ConfigError, match="max_files"):
        stream(profile, folder, most=3)


def test_messages_of_a_topic_are_parsed_as_events_and_a_cut_one_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    profile = load_profile(overrides={"home": tmp_path, "kafka": {"servers": "127.0.0.1:9092"}})
    messages = [json.dumps(BOUGHT), json.dumps({**BOUGHT, "event_id": "2", "cancelled": "yes"}), '{"event_id": "3", "user_id": "customer-00', None]
    came = build_kafka(profile, "events", None, "earliest", 10).read(spark.createDataFrame([(text,) for text in messages], "value string"))
    typed = parse_tables(came.raw, "kafka", profile)["events"].typed.collect()
    assert [(row["event_id"], row["quantity"], row[RULE]) for row in typed[:2]] == [("1", 2, None), ("2", 0, None)]
    assert [row[RULE] for row in typed[2:]] == ["row_incomplete"]
    assert "customer-00" not in str(typed)
