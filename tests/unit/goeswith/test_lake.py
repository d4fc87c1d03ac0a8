"""Reading and writing Delta without a JVM: typed, pinned, idempotent."""

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from goeswith import lake
from goeswith.catalogue import Writer, find_table
from goeswith.errors import ConfigError, DataContractError, VersionMissing
from goeswith.profile import Profile, load_profile

AT = datetime(2026, 1, 1, tzinfo=UTC)


def scores(rows: dict[str, float], graph: str = "full") -> pa.Table:
    schema = pa.schema([field for field in find_table("pair_scores").schema if field.name != "updated_at"])
    common: dict[str, Any] = {"graph": graph, "relation": "co_purchase", "src": "a", "run": "r", "kept": True, "rule": "global", "rate": 0.5}
    return pa.Table.from_pylist([{**common, "dst": dst, "score": score} for dst, score in rows.items()], schema=schema)


def write(profile: Profile, rows: pa.Table, **options: Any) -> int:
    return lake.write_table(profile, "pair_scores", rows, writer=Writer.TRAINING, **options)


def found(profile: Profile, **options: Any) -> dict[str, float]:
    return {row["dst"]: row["score"] for row in lake.read_table(profile, "pair_scores", **options).to_pylist()}


def test_rows_come_back_in_the_types_of_the_catalogue(profile: Profile) -> None:
    write(profile, scores({"b": 1.0}))
    assert lake.read_table(profile, "pair_scores").schema.equals(find_table("pair_scores").schema)


def test_writing_the_same_rows_again_makes_no_new_version(profile: Profile) -> None:
    first = write(profile, scores({"b": 1.0, "c": 2.0}))
    assert write(profile, scores({"b": 1.0, "c": 2.0})) == first


def test_a_changed_row_is_updated_and_an_equal_one_keeps_its_time(profile: Profile) -> None:
    write(profile, scores({"b": 1.0, "c": 2.0}))
    before = {r["dst"]: r["updated_at"] for r in lake.read_table(profile, "pair_scores").to_pylist()}
    write(profile, scores({"b": 1.0, "c": 3.0}))
    after = {r["dst"]: r["updated_at"] for r in lake.read_table(profile, "pair_scores").to_pylist()}
    assert after["b"] == before["b"]
    assert after["c"] > before["c"]


def test_a_reader_pinned_to_a_version_does_not_see_later_ones(profile: Profile) -> None:
    first = write(profile, scores({"b": 1.0}))
    write(profile, scores({"b": 5.0, "d": 1.0}))
    assert found(profile, version=first) == {"b": 1.0}


def test_rows_are_deleted_by_key_and_nothing_to_delete_is_no_commit(profile: Profile) -> None:
    write(profile, scores({"b": 1.0, "c": 2.0}))
    write(profile, scores({"b": 1.0}, graph="evaluation"))
    keys = scores({"b": 0.0, "nobody": 0.0}).select(find_table("pair_scores").key)
    version = lake.delete_rows(profile, "pair_scores", keys, writer=Writer.TRAINING, consumed={"item_pairs": 4})
    left = {(row["graph"], row["dst"]) for row in lake.read_table(profile, "pair_scores").to_pylist()}
    assert left == {("full", "c"), ("evaluation", "b")}
    assert lake.open_table(profile, "pair_scores").history(1)[0]["consumed"] == "item_pairs=4"
    assert lake.delete_rows(profile, "pair_scores", keys.slice(0, 0), writer=Writer.TRAINING) == version
    assert lake.delete_rows(profile, "pair_scores", keys, writer=Writer.TRAINING) == version, "they are gone already"
    with pytest.raises(DataContractError, match="written by training"):
        lake.delete_rows(profile, "pair_scores", keys, writer=Writer.SPARK)


def test_replace_removes_what_is_gone_and_leaves_other_partitions(profile: Profile) -> None:
    write(profile, scores({"b": 1.0, "c": 1.0}))
    write(profile, scores({"e": 1.0}, graph="evaluation"))
    write(profile, scores({"c": 2.0}), replace={"graph": "full"})
    assert found(profile, where={"graph": "full"}) == {"c": 2.0}
    assert found(profile, where={"graph": "evaluation"}) == {"e": 1.0}


def test_batches_hold_the_same_rows_as_the_table(profile: Profile) -> None:
    write(profile, scores({str(i): float(i) for i in range(100)}))
    batches = lake.read_batches(profile, "pair_scores", columns=("dst", "score"))
    assert sum(batch.num_rows for batch in batches) == 100


@pytest.mark.parametrize("value", ["x' OR '1'='1", 'a"b', "'; --"])
def test_a_condition_is_a_value_never_a_query(profile: Profile, value: str) -> None:
    write(profile, scores({"b": 1.0}))
    assert found(profile, where={"dst": value}) == {}


def test_another_folder_may_not_write_the_table(profile: Profile) -> None:
    with pytest.raises(DataContractError, match="written by training"):
        lake.write_table(profile, "pair_scores", scores({"b": 1.0}), writer=Writer.KERNEL)


def test_a_missing_column_is_named(profile: Profile) -> None:
    with pytest.raises(DataContractError, match="score"):
        write(profile, scores({"b": 1.0}).drop_columns(["score"]))


def test_a_null_in_a_required_column_is_refused(profile: Profile) -> None:
    rows = scores({"b": 1.0})
    with pytest.raises(DataContractError, match="run"):
        write(profile, rows.set_column(rows.schema.get_field_index("run"), "run", pa.nulls(1, pa.string())))


def test_a_repeated_key_is_refused(profile: Profile) -> None:
    with pytest.raises(DataContractError, match="repeat a key"):
        write(profile, pa.concat_tables([scores({"b": 1.0}), scores({"b": 2.0})]))


def test_a_missing_table_version_or_name_says_what_to_do(profile: Profile) -> None:
    with pytest.raises(VersionMissing, match="run the DAG"):
        lake.read_table(profile, "pair_scores")
    write(profile, scores({"b": 1.0}))
    with pytest.raises(VersionMissing, match="no version 99"):
        lake.read_table(profile, "pair_scores", version=99)
    with pytest.raises(ConfigError, match="no table"):
        lake.read_table(profile, "nonsense")


def test_the_versions_that_were_consumed_stand_in_the_commit(profile: Profile) -> None:
    write(profile, scores({"b": 1.0}), consumed={"item_pairs": 7})
    assert lake.open_table(profile, "pair_scores").history(1)[0]["consumed"] == "item_pairs=7"


def test_tables_have_the_properties_that_all_readers_need(profile: Profile) -> None:
    write(profile, scores({"b": 1.0}))
    assert lake.open_table(profile, "pair_scores").metadata().configuration == lake.PROPERTIES


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(histories=st.lists(st.dictionaries(st.sampled_from("bcdef"), st.integers(0, 5).map(float), min_size=1), min_size=1, max_size=4))
def test_merging_any_history_equals_a_dictionary_updated(tmp_path_factory: pytest.TempPathFactory, histories: list[dict[str, float]]) -> None:
    profile = load_profile(overrides={"home": tmp_path_factory.mktemp("home")})
    expected: dict[str, float] = {}
    for rows in histories:
        write(profile, scores(rows))
        expected |= rows
    assert found(profile) == expected
