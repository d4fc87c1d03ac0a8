"""Gates over real Delta tables in Spark: what passes, what stops, what crashes, and what is left behind."""

import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from pyspark.sql import SparkSession

from goeswith import lake, releases
from goeswith.catalogue import find_table
from goeswith.errors import GateFailed
from goeswith.jobs import JobResult, JobRun
from goeswith.profile import Profile
from spark_jobs.gates import check as check_module
from spark_jobs.gates import gate as gate_module
from spark_jobs.gates.job import run
from tests.tiny_shop import write_rows, write_tiny_lake

pytestmark = pytest.mark.spark


def gate(profile: Profile, tables: list[str], versions: Mapping[str, int], run_id: str = "r1") -> JobResult:
    return run(JobRun(profile=profile, run_id=run_id, versions=versions, params={"tables": tables}))


def results(profile: Profile, table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = lake.read_table(profile, "gate_results", where={"table": table}).to_pylist()
    return found


def write_past_the_catalogue(profile: Profile, table: str, *more: dict[str, Any]) -> int:
    """Append rows as a careless writer would, in a schema that allows nulls; missing columns come from the first row."""
    rows = lake.read_table(profile, table).to_pylist()
    loose = pa.schema([pa.field(f.name, f.type) for f in find_table(table).schema])
    data = pa.Table.from_pylist([*rows, *({**rows[0], **row} for row in more)], loose)
    uri = lake.table_uri(profile, table)
    write_deltalake(uri, data, mode="overwrite", schema_mode="overwrite", partition_by=list(find_table(table).partition_by))
    return DeltaTable(uri).version()


@pytest.fixture
def shop(profile: Profile, spark: SparkSession) -> dict[str, int]:
    """Return the released versions of a tiny lake."""
    return write_tiny_lake(profile)


def test_good_tables_pass_and_every_expectation_is_recorded(profile: Profile, shop: dict[str, int]) -> None:
    result = gate(profile, list(shop), shop)
    assert {name: seen["decision"] for name, seen in result.summary["tables"].items()} == dict.fromkeys(shop, "pass")
    assert result.versions == shop
    rows = results(profile, "relations")
    assert len(rows) == result.summary["tables"]["relations"]["expectations"]
    assert all(row["success"] and not row["unexpected"] and row["sample"] is None and row["decision"] == "pass" for row in rows)
    assert "src is in items.item_id" in {row["expectation"] for row in rows}


def test_a_gate_run_again_for_the_same_version_writes_nothing(profile: Profile, shop: dict[str, int]) -> None:
    gate(profile, ["holdout"], shop)
    before = lake.current_version(profile, "gate_results")
    rows = results(profile, "holdout")
    gate(profile, ["holdout"], shop)
    assert lake.current_version(profile, "gate_results") == before
    assert results(profile, "holdout") == rows


def test_a_null_in_a_required_column_stops_the_gate_and_restores_the_table(profile: Profile, shop: dict[str, int]) -> None:
    released = lake.read_table(profile, "items")
    version = write_past_the_catalogue(profile, "items", {"item_id": "new", "available": None})
    with pytest.raises(GateFailed, match="available is not null") as failed:
        gate(profile, ["items"], {**shop, "items": version})
    assert "in 1 rows" in failed.value.what
    assert f"restored to version {shop['items']}" in failed.value.remedy
    assert lake.read_table(profile, "items").sort_by("item_id").equals(released.sort_by("item_id"))
    nullable = {field.name: field.nullable for field in lake.open_table(profile, "items").schema().fields}
    assert not nullable["available"]
    broken = [row for row in results(profile, "items") if not row["success"]]
    assert [(row["expectation"], row["unexpected"], row["decision"]) for row in broken] == [("available is not null", 1, "stop")]


def test_each_kind_of_rule_names_the_values_that_break_it(profile: Profile, shop: dict[str, int]) -> None:
    row = lake.read_table(profile, "relations").slice(0, 1).to_pylist()[0]
    broken_rows = [
        row,
        {**row, "src": "nobody"},
        {**row, "src": "racket-red-0", "dst": "racket-red-0"},
        {**row, "src": "pen-red-0", "weight": 7.5},
        {**row, "type": "rival"},
    ]
    version = write_past_the_catalogue(profile, "relations", *broken_rows)
    with pytest.raises(GateFailed, match="and 4 more"):
        gate(profile, ["relations"], {**shop, "relations": version})
    broken = {row["expectation"]: (row["unexpected"], json.loads(row["sample"])) for row in results(profile, "relations") if not row["success"]}
    key = {name: row[name] for name in find_table("relations").key}
    itself = {**key, "src": "racket-red-0", "dst": "racket-red-0"}
    assert broken == {
        "graph, type, src, dst is unique": (2, [{**key, "times": 2}]),
        "src is in items.item_id": (1, [{**key, "src": "nobody"}]),
        "src differs from dst": (1, [itself]),
        "weight is at least 0 and at most 1": (1, [{**key, "src": "pen-red-0", "weight": 7.5}]),
        "type is one of substitute, complement": (1, [{**key, "type": "rival"}]),
    }


def test_a_crash_counts_as_failed_and_restores_the_table(profile: Profile, shop: dict[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    version = write_past_the_catalogue(profile, "holdout", {"id": "one more"})

    def explode(*_: object) -> None:
        raise RuntimeError("np.bool")

    monkeypatch.setattr(gate_module, "check_candidate", explode)
    with pytest.raises(GateFailed, match="crashed with"):
        gate(profile, ["holdout"], {**shop, "holdout": version})
    rows = results(profile, "holdout")
    assert [(row["decision"], row["observed"]) for row in rows] == [("crashed", '{"error": "RuntimeError: np.bool"}')]
    assert lake.read_table(profile, "holdout").num_rows == lake.read_table(profile, "holdout", version=shop["holdout"]).num_rows


def test_a_column_that_holds_what_it_may_not_is_a_crash(profile: Profile, shop: dict[str, int]) -> None:
    rows = lake.read_table(profile, "events").drop_columns(["quantity"]).append_column("quantity", pa.array([["three"]] * 180))
    write_deltalake(lake.table_uri(profile, "events"), rows, mode="overwrite", schema_mode="overwrite")
    version = DeltaTable(lake.table_uri(profile, "events")).version()
    with pytest.raises(GateFailed, match="crashed with"):
        gate(profile, ["events"], {**shop, "events": version})
    assert {row["decision"] for row in results(profile, "events")} == {"crashed"}
    assert lake.read_table(profile, "events").equals(lake.read_table(profile, "events", version=shop["events"]))


def test_an_expectation_that_great_expectations_cannot_evaluate_is_a_crash(
    profile: Profile, shop: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check_module, "figures_of", lambda _, rule: {"": 0.0} if rule.says == "has rows" else {"": "many"})
    with pytest.raises(GateFailed, match="crashed with"):
        gate(profile, ["holdout"], shop)


def test_a_sample_shows_ten_whole_rows_at_most_and_no_user(profile: Profile, shop: dict[str, int]) -> None:
    events = [{"event_id": f"e{i}", "quantity": -1, "user_id": "somebody"} for i in range(25)]
    version = write_past_the_catalogue(profile, "events", *events)
    with pytest.raises(GateFailed, match="in 25 rows") as failed:
        gate(profile, ["events"], {**shop, "events": version})
    (broken,) = [row for row in results(profile, "events") if row["severity"] == "stop" and not row["success"]]
    assert len(json.loads(broken["sample"])) == 10
    assert all(row["quantity"] == -1 and row["event_id"].startswith("e") for row in json.loads(broken["sample"]))
    assert "somebody" not in f"{failed.value} {results(profile, 'events')}"


def test_a_second_attempt_that_passes_leaves_no_trace_of_the_crash(profile: Profile, shop: dict[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(gate_module, "check_candidate", lambda *_: 1 / 0)
        with pytest.raises(GateFailed, match="released already"):
            gate(profile, ["holdout"], shop)
    gate(profile, ["holdout"], shop)
    assert {row["decision"] for row in results(profile, "holdout")} == {"pass"}


def test_a_table_that_was_never_released_is_emptied(profile: Profile, spark: SparkSession) -> None:
    versions = write_tiny_lake(profile)
    DeltaTable(lake.table_uri(profile, "releases")).delete()
    version = write_past_the_catalogue(profile, "holdout", {"split": "train"})
    with pytest.raises(GateFailed, match="emptied"):
        gate(profile, ["holdout"], {**versions, "holdout": version})
    assert lake.read_table(profile, "holdout").num_rows == 0
    assert lake.read_table(profile, "holdout", version=version).num_rows > 0


def test_one_refused_table_does_not_hide_another(profile: Profile, shop: dict[str, int]) -> None:
    holdout = write_past_the_catalogue(profile, "holdout", {"id": "x", "split": "train"})
    bundles = write_past_the_catalogue(profile, "bundles", {"item_id": "nobody"})
    with pytest.raises(GateFailed) as failed:
        gate(profile, ["holdout", "items", "bundles"], {**shop, "holdout": holdout, "bundles": bundles})
    assert "'holdout'" in failed.value.what
    assert '"item_id": "nobody"' in failed.value.what
    assert {row["decision"] for row in results(profile, "items")} == {"pass"}


def test_a_version_written_after_the_refused_one_is_left_alone(profile: Profile, shop: dict[str, int]) -> None:
    refused = write_past_the_catalogue(profile, "holdout", {"id": "x", "split": "train"})
    later = write_past_the_catalogue(profile, "holdout", {"id": "y"})
    with pytest.raises(GateFailed, match=f"version {later} was written since"):
        gate(profile, ["holdout"], {**shop, "holdout": refused})
    assert lake.current_version(profile, "holdout") == later


def test_rows_of_earlier_runs_about_items_that_left_the_shop_stop_no_gate(profile: Profile, shop: dict[str, int]) -> None:
    staying = [item for item in lake.read_table(profile, "items").to_pylist() if item["item_id"] != "pan-red-0"]
    seen = {row["item_id"] for row in lake.read_table(profile, "training_sets").to_pylist()}
    assert "pan-red-0" in seen
    result = gate(profile, ["training_sets"], {**shop, "items": write_rows(profile, "items", staying)})
    assert result.summary["tables"]["training_sets"]["decision"] == "pass"


def test_a_table_that_the_source_lacks_passes_as_absent(profile: Profile, shop: dict[str, int]) -> None:
    result = gate(profile, ["declared_relations"], shop)
    assert result.summary["tables"] == {"declared_relations": {"decision": "absent"}}
    assert result.versions == {}


def test_no_items_stop_the_run_but_no_bundles_are_a_warning(profile: Profile, shop: dict[str, int]) -> None:
    versions = dict(shop)
    for name in ("items", "bundles"):
        DeltaTable(lake.table_uri(profile, name)).delete()
        versions[name] = lake.open_table(profile, name).version()
    assert gate(profile, ["bundles"], versions).summary["tables"]["bundles"]["failed"][0]["severity"] == "warn"
    with pytest.raises(GateFailed, match="has rows"):
        gate(profile, ["items"], versions)
    assert releases.released_versions(profile) == shop
