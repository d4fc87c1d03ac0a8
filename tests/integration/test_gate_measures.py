"""What a gate counts in Spark is what a plain loop over the rows counts."""

import math
from collections import Counter
from random import Random
from typing import Any

import pytest
from pyspark.sql import SparkSession

from goeswith.catalogue import find_table
from goeswith.catalogue.rules import References
from goeswith.jobs import JobRun
from goeswith.profile import Profile
from spark_jobs.gates.job import run
from spark_jobs.gates.keys import BATCH_BYTES, HASHES_A_PART, count_repeated
from spark_jobs.gates.measure import count_ends, count_unknown, count_values, measure_version
from spark_jobs.tables import spark_schema
from tests.tiny_shop import EPOCH, write_tiny_lake

pytestmark = pytest.mark.spark

PAIRS, ITEMS = find_table("item_pairs"), find_table("items")


def random_pairs(rng: Random, count: int) -> list[dict[str, Any]]:
    """Return pairs of which some repeat, point to themselves or to nobody, or belong to no legal relation."""
    rows = []
    for _ in range(count):
        graph, relation = rng.choice(["full", "evaluation"]), rng.choice(["co_view", "co_purchase", "made_up", "made_up_too"])
        ends = {"src": f"i{rng.randrange(12)}", "dst": f"i{rng.randrange(12)}"}
        rows.append({"graph": graph, "relation": relation, **ends, "n": rng.choice([0, 1, 5, None]), "npmi": rng.choice([-2.0, 0.5, math.nan])})
    return [{**row, "known_at": EPOCH, "updated_at": EPOCH} for row in rows]


def test_pairs_are_counted_as_a_loop_counts_them(spark: SparkSession) -> None:
    rows = random_pairs(Random(7), 400)  # noqa: S311 - made-up rows
    legal = {f"i{i}" for i in range(10)}
    frame = spark.createDataFrame([[row.get(name) for name in PAIRS.columns] for row in rows], spark_schema(PAIRS))
    known = {("items", "item_id"): spark.createDataFrame([[item] for item in sorted(legal)], "value string")}
    measured = measure_version(PAIRS, frame, known)

    keys = Counter(tuple(row[name] for name in PAIRS.key) for row in rows)
    assert measured.broken["graph, relation, src, dst is unique"] == sum(times for times in keys.values() if times > 1)
    assert measured.broken["src differs from dst"] == sum(row["src"] == row["dst"] for row in rows)
    assert measured.broken["src is in items.item_id"] == sum(row["src"] not in legal for row in rows)
    assert measured.broken["dst is in items.item_id"] == sum(row["dst"] not in legal for row in rows)
    assert measured.broken["n is at least 1"] == sum(row["n"] == 0 for row in rows)
    assert measured.broken["npmi is at least -1 and at most 1"] == sum(row["npmi"] != 0.5 for row in rows)

    part = {id(row): f"{row['graph']}, {row['relation'] if row['relation'].startswith('co_') else '(other)'}" for row in rows}
    counted = {name: n for (statistic, name, _), n in measured.counts.items() if statistic == "rows" and name}
    assert counted == Counter(part.values())
    degrees = Counter((row["graph"], row["relation"], end) for row in rows for end in (row["src"], row["dst"]))
    expected = Counter(
        (f"{graph}, {relation if relation.startswith('co_') else '(other)'}", str(int(math.log2(n)))) for (graph, relation, _), n in degrees.items()
    )
    assert {(name, value): n for (s, name, value), n in measured.counts.items() if s == "degrees" and value} == expected


def test_values_are_counted_by_bin_and_nulls_stand_in_none(spark: SparkSession) -> None:
    prices = [None, 0.0, -1.0, 1.0, 1.05, 2.0, 4.0]
    rows = [
        [f"i{i}", *[None] * 3, ["garden", "hose"] if i % 2 else [], None, price, None, None, True, None, None, EPOCH, EPOCH]
        for i, price in enumerate(prices)
    ]
    counts = count_values(ITEMS, spark.createDataFrame(rows, spark_schema(ITEMS)))
    assert counts == {
        ("values of price", "", ""): 6,
        ("values of price", "", "-100000"): 2,
        ("values of price", "", "0"): 2,
        ("values of price", "", "8"): 1,
        ("values of price", "", "16"): 1,
        ("values of category", "", ""): 3,
        ("values of category", "", "garden"): 3,
    }


def test_a_table_without_rows_is_counted_too(spark: SparkSession) -> None:
    known = {("items", "item_id"): spark.createDataFrame([["a"]], "value string")}
    measured = measure_version(PAIRS, spark.createDataFrame([], spark_schema(PAIRS)), known)
    assert set(measured.broken.values()) == {0}
    assert set(measured.counts.values()) == {0}


def test_a_null_is_no_reference(spark: SparkSession) -> None:
    references = [References(column=column, table="items", to="item_id") for column in ("item_id", "dst")]
    rows = spark.createDataFrame([["a", None], ["b", "c"]], "item_id string, dst string")
    ends = count_ends(rows, ("item_id", "dst"), ())
    known = {("items", "item_id"): spark.createDataFrame([["a"]], "value string")}
    assert count_unknown(ends, references, known) == {"item_id": 1, "dst": 1}


def test_keys_that_differ_only_in_where_their_parts_end_are_different(spark: SparkSession) -> None:
    rows = spark.createDataFrame([["ab", "c"], ["a", "bc"]], "kind string, id string")
    assert count_repeated(find_table("holdout"), rows, 2) == 0


@pytest.mark.parametrize("parts", [1, 7])
def test_repeated_keys_are_counted_wherever_their_hashes_fall(spark: SparkSession, parts: int) -> None:
    rows = spark.range(3_000).selectExpr("'edge' AS kind", "CAST(id % 2990 AS string) AS id").repartition(5)
    assert count_repeated(find_table("holdout"), rows, parts * HASHES_A_PART) == 20
    assert count_repeated(find_table("holdout"), rows.distinct(), parts * HASHES_A_PART) == 0


def test_a_gate_says_what_each_pass_took_and_leaves_the_sessions_settings_as_they_were(profile: Profile, spark: SparkSession) -> None:
    before = spark.conf.get(BATCH_BYTES)
    gated = run(JobRun(profile=profile, run_id="t", versions=write_tiny_lake(profile), params={"tables": ["events", "items", "relations"]}))
    for table in gated.summary["tables"].values():
        assert set(table["seconds"]) == {"rows", "values", "references", "keys", "released"}
        assert all(value >= 0 for value in table["seconds"].values())
    assert spark.conf.get(BATCH_BYTES) == before
