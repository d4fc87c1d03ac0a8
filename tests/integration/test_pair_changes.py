"""How an increment finds what it looks at again: without bringing all events together."""

import pytest
from pyspark.sql import SparkSession

from goeswith.profile import Profile
from spark_jobs.pairs.changes import Moment, find_changes
from spark_jobs.tables import merge_table, read_table
from tests.naive_pairs import event
from tests.spark_rows import rows_of

pytestmark = pytest.mark.spark


def test_events_are_not_shuffled_for_a_few_changed_baskets(spark: SparkSession, profile: Profile) -> None:
    def put(name: str, rows: list[dict[str, object]]) -> int:
        return merge_table(spark, profile, name, rows_of(spark, name, rows), run_id="t", job="test", consumed={})

    none, first = put("holdout", []), put("events", [event(f"b{k}", "i1", user=f"u{k}") for k in range(9)])
    then = put("events", [event("b3", "i2", user="u3"), event("b10", "i1", user="u3")])
    old, new = (Moment(*(read_table(spark, profile, n, v) for n, v in (("events", at), ("holdout", none)))) for at in (first, then))
    changes = find_changes(spark, profile, (first, then), (none, none), old, new)
    for scope in ("baskets", "users"):
        plan = changes.new[scope].events._jdf.queryExecution().executedPlan().toString()
        assert "BroadcastHashJoin" in plan
        assert "SortMergeJoin" not in plan
    assert {row["basket_id"] for row in changes.new["users"].events.collect()} == {"b3", "b10"}
    assert {row["basket_id"] for row in changes.old["baskets"].events.collect()} == {"b3"}
    changes.release()
