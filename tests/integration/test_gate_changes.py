"""Gates beside the released version: what changed too much, what only warns, and what is let pass with a reason."""

import json
from typing import Any

import pytest
from pyspark.sql import SparkSession

from goeswith import lake, records, releases
from goeswith.errors import GateFailed
from goeswith.jobs import JobResult, JobRun
from goeswith.overrides import give_override
from goeswith.profile import Profile
from goeswith.usage import Usage
from spark_jobs.gates import baseline as baseline_module
from spark_jobs.gates.job import run
from spark_jobs.gates.statistics import read_counts
from tests.tiny_shop import EPOCH, write_rows

pytestmark = pytest.mark.spark

FEW = "rows are at least 0.1 times those released"


def items(count: int, **changed: Any) -> list[dict[str, Any]]:
    """Return items of four categories and forty prices."""
    common = {"title": "pan", "available": True, "known_at": EPOCH, "image": "x"}
    rows = [{**common, "item_id": f"i{i}", "category": [f"c{i % 4}"], "price": 1.0 + i % 40} for i in range(count)]
    return [{**row, **changed} for row in rows]


def pairs(edges: list[tuple[int, int]], relation: str = "co_view") -> list[dict[str, Any]]:
    common = {"graph": "full", "relation": relation, "n": 2, "known_at": EPOCH}
    return [{**common, "src": f"i{src}", "dst": f"i{dst}"} for src, dst in edges]


def replace_rows(profile: Profile, name: str, rows: list[dict[str, Any]]) -> int:
    """Bring a table to hold ``rows`` alone, as ingest does."""
    if lake.current_version(profile, name) is not None:
        lake.open_table(profile, name).delete()
    return write_rows(profile, name, rows)


def gate(profile: Profile, table: str, versions: dict[str, int], run_id: str) -> JobResult:
    return run(JobRun(profile=profile, run_id=run_id, versions=versions, params={"tables": [table]}))


def seen(profile: Profile, table: str, run_id: str) -> dict[str, dict[str, Any]]:
    rows = lake.read_table(profile, "gate_results", where={"table": table, "run": run_id}).to_pylist()
    return {row["expectation"]: {**row, "observed": json.loads(row["observed"]), "sample": json.loads(row["sample"] or "[]")} for row in rows}


def failed(profile: Profile, table: str, run_id: str) -> dict[str, str]:
    return {name: row["severity"] for name, row in seen(profile, table, run_id).items() if not row["success"]}


@pytest.fixture
def released(profile: Profile, spark: SparkSession) -> int:
    """Gate and release two thousand items as the first release ever; return the version."""
    version = replace_rows(profile, "items", items(2000))
    gate(profile, "items", {"items": version}, "first")
    releases.write_release(profile, "first", {"items": version})
    return version


def test_the_first_version_ever_passes_and_says_that_there_was_none_before(profile: Profile, released: int) -> None:
    rows = seen(profile, "items", "first")
    assert {row["decision"] for row in rows.values()} == {"pass"}
    assert rows[FEW]["observed"] == {"note": "nothing released before"}


def test_a_version_is_counted_once_and_compared_by_its_counts(profile: Profile, released: int, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = read_counts(profile, "items", released) or {}
    assert counts["rows", "", ""] == 2000
    assert {value: n for (name, _, value), n in counts.items() if name == "values of category" and value} == {f"c{i}": 500 for i in range(4)}
    monkeypatch.setattr(baseline_module, "measure_counts", lambda *_: pytest.fail("the released version was read again"))
    version = replace_rows(profile, "items", items(2100))
    assert gate(profile, "items", {"items": version}, "second").summary["tables"]["items"]["decision"] == "pass"
    assert seen(profile, "items", "second")[FEW]["observed"] == {"released": released, "figures": {"all": round(2200 / 2100, 4)}}


def test_a_released_version_that_was_never_counted_is_counted_now(profile: Profile, spark: SparkSession) -> None:
    version = replace_rows(profile, "items", items(2000))
    releases.write_release(profile, "before", {"items": version})
    candidate = replace_rows(profile, "items", items(1500))
    gate(profile, "items", {"items": candidate}, "second")
    assert (read_counts(profile, "items", version) or {})["rows", "", ""] == 2000


def test_a_moderate_change_warns_and_passes(profile: Profile, released: int) -> None:
    rows = items(1500) + [{**row, "item_id": f"n{row['item_id']}", "title": None, "category": ["new"]} for row in items(400)]
    version = replace_rows(profile, "items", rows)
    assert gate(profile, "items", {"items": version}, "second").summary["tables"]["items"]["decision"] == "pass"
    category, titles = "the values of category drift by at most 0.25 (PSI)", "the share of nulls in title changes by at most 0.1"
    assert failed(profile, "items", "second") == {category: "warn", titles: "warn"}
    assert seen(profile, "items", "second")[titles]["sample"] == [{"released": 0.0, "candidate": pytest.approx(400 / 1900)}]
    assert seen(profile, "items", "second")[category]["sample"][0]["moved"]["new"] == [0, pytest.approx(400 / 1900, abs=1e-4)]


def test_a_catastrophe_stops_and_one_override_lets_one_version_pass(profile: Profile, released: int) -> None:
    version = replace_rows(profile, "items", items(50, price=None))
    with pytest.raises(GateFailed, match="gates override") as refused:
        gate(profile, "items", {"items": version}, "second")
    assert f"restored to version {released}" in refused.value.remedy
    assert lake.read_table(profile, "items").num_rows == 2000
    prices = "the share of nulls in price changes by at most 0.5"
    assert {name for name, severity in failed(profile, "items", "second").items() if severity == "stop"} == {FEW, prices}
    assert seen(profile, "items", "second")[FEW]["sample"] == [{"part": "", "released": 2000, "candidate": 50}]

    for expectation in (FEW, prices):
        give_override(profile, table="items", expectation=expectation, reason="only one shelf is left", author="ada")
    version = replace_rows(profile, "items", items(50, price=None))
    summary = gate(profile, "items", {"items": version}, "third").summary["tables"]["items"]
    assert (summary["decision"], set(summary["overridden"])) == ("overridden", {FEW, prices})
    assert gate(profile, "items", {"items": version}, "third").summary["tables"]["items"]["decision"] == "overridden"
    with pytest.raises(GateFailed, match="does not hold"):
        gate(profile, "items", {"items": version}, "fourth")


def test_one_of_two_overrides_is_not_spent_on_a_version_that_stays_refused(profile: Profile, released: int) -> None:
    give_override(profile, table="items", expectation=FEW, reason="only one shelf is left", author="ada")
    version = replace_rows(profile, "items", items(50, price=-1.0))
    with pytest.raises(GateFailed, match="price is at least 0"):
        gate(profile, "items", {"items": version}, "second")
    version = replace_rows(profile, "items", items(50))
    assert gate(profile, "items", {"items": version}, "third").summary["tables"]["items"]["decision"] == "overridden"


def test_another_shop_is_not_compared(profile: Profile, released: int) -> None:
    for run_id, source in (("first", "hm"), ("second", "synthetic")):
        ingested = JobResult(versions={"items": released}, summary={"source": source})
        records.write_record("ingest", "ingest", JobRun(profile=profile, run_id=run_id, params={"options": {}}), ingested, Usage(1.0, 1.0, 0.0))
    version = replace_rows(profile, "items", items(50))
    assert gate(profile, "items", {"items": version}, "second").summary["tables"]["items"]["decision"] == "pass"
    assert seen(profile, "items", "second")[FEW]["observed"] == {"note": "the released version holds another shop"}


def test_a_relation_that_is_gone_stops_and_hubs_where_there_were_none_warn(profile: Profile, released: int) -> None:
    ring = [(i, (i + 1) % 2000) for i in range(2000)]
    known = {"items": released}
    first = known | {"item_pairs": replace_rows(profile, "item_pairs", pairs(ring) + pairs(ring, "co_purchase"))}
    gate(profile, "item_pairs", first, "pairs")
    releases.write_release(profile, "pairs", first)
    star = [(0, i) for i in range(1, 2000)]
    second = known | {"item_pairs": replace_rows(profile, "item_pairs", pairs(star))}
    with pytest.raises(GateFailed, match="rows by graph, relation are at least 0.1"):
        gate(profile, "item_pairs", second, "second")
    rows = seen(profile, "item_pairs", "second")
    assert rows["rows by graph, relation are at least 0.1 times those released"]["sample"] == [
        {"part": "full, co_purchase", "released": 2000, "candidate": 0}
    ]
    (drift,) = rows["degrees by graph, relation drift by at most 0.25 (PSI)"]["sample"]
    assert (drift["part"], drift["moved"]["1"]) == ("full, co_view", [1.0, 0.0])
