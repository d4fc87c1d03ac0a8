"""Tables that an older catalogue made: new nullable columns are added on the next write, all else stops with the differences."""

from datetime import UTC, datetime
from typing import Any

import pytest
from delta.tables import DeltaTable
from pyspark.sql import SparkSession

from goeswith import lake
from goeswith.catalogue import find_table
from goeswith.errors import DataContractError
from goeswith.profile import Profile
from spark_jobs.table_schema import KEY_PROPERTY, spark_schema
from spark_jobs.tables import create_table, merge_table, read_table
from tests.spark_rows import rows_of

pytestmark = pytest.mark.spark

EVENT: dict[str, Any] = {"event_id": "1", "basket_id": "b", "item_id": "i", "kind": "purchase", "quantity": 1}
OLD = [name for name in find_table("events").columns if name != "recorded_at"]


def create_old(spark: SparkSession, profile: Profile, columns: list[str] = OLD, **properties: str) -> None:
    """Create the table ``events`` with some of its columns and one event."""
    builder = DeltaTable.create(spark).location(lake.table_uri(profile, "events")).addColumns(spark_schema(find_table("events"), columns))
    for key, value in {**lake.PROPERTIES, **properties}.items():
        builder = builder.property(key, value)
    builder.execute()
    values = ", ".join({"quantity": "1", "price": "null", "happened_at": "null", "updated_at": "now()"}.get(name, "'1'") for name in columns)
    spark.sql(f"INSERT INTO delta.`{lake.table_uri(profile, 'events')}` VALUES ({values})")  # noqa: S608 - constants of this test


def test_a_new_column_is_added_and_older_versions_read_with_nulls_by_both_readers(spark: SparkSession, profile: Profile) -> None:
    create_old(spark, profile)
    before = lake.current_version(profile, "events")
    assert before is not None
    new = {**EVENT, "event_id": "2", "recorded_at": datetime(2024, 1, 1, tzinfo=UTC)}
    version = merge_table(spark, profile, "events", rows_of(spark, "events", [new]), run_id="r", job="test", consumed={})
    held = {row["event_id"]: row["recorded_at"] for row in lake.read_table(profile, "events", version=version).to_pylist()}
    assert held == {"1": None, "2": datetime(2024, 1, 1, tzinfo=UTC)}
    old = read_table(spark, profile, "events", before)
    assert old.columns == list(find_table("events").columns)
    assert [row["recorded_at"] for row in old.collect()] == lake.read_table(profile, "events", version=before)["recorded_at"].to_pylist() == [None]


def test_a_table_that_fits_is_opened_and_nothing_is_written(spark: SparkSession, profile: Profile) -> None:
    create_table(spark, profile, "events")
    before = lake.current_version(profile, "events")
    create_table(spark, profile, "events")
    assert lake.current_version(profile, "events") == before


def test_a_lacking_required_column_or_another_key_stops_with_the_differences_and_the_remedy(spark: SparkSession, profile: Profile) -> None:
    create_old(spark, profile, [name for name in OLD if name != "basket_id"], **{KEY_PROPERTY: "event_id,item_id"})
    before = lake.current_version(profile, "events")
    with pytest.raises(DataContractError) as caught:
        merge_table(spark, profile, "events", rows_of(spark, "events", [EVENT]), run_id="r", job="test", consumed={})
    assert "+ basket_id string not null\n- key (event_id,item_id)\n+ key (event_id)" in caught.value.what
    assert "move the table away" in caught.value.remedy
    assert lake.current_version(profile, "events") == before
