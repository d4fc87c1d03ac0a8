"""Judging the pairs of a real lake in Spark: who is asked, what is remembered, and what a failure leaves behind."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from goeswith import lake
from goeswith.errors import ModelUnavailable
from goeswith.jobs import JobResult, JobRun
from goeswith.profile import Profile, load_profile
from spark_jobs.gates import job as gate
from spark_jobs.judge_edges import count_labels, run
from tests.tiny_shop import EPOCH, write_rows, write_tiny_lake
from tests.unit.spark_jobs.judges.stand_ins import GOOD, completion, serve, write_checkpoint

pytestmark = pytest.mark.spark


def pair(relation: str, src: str, dst: str, n: int, graph: str = "full") -> dict[str, Any]:
    return {"graph": graph, "relation": relation, "src": src, "dst": dst, "n": n, "known_at": EPOCH}


PAIRS = [
    pair("co_purchase", "balls-red-0", "racket-red-0", 9),
    pair("co_purchase", "balls-red-0", "racket-red-0", 4, graph="evaluation"),
    pair("then_bought", "racket-red-0", "balls-red-0", 7),
    pair("co_purchase", "pan-red-0", "racket-red-0", 1),
    pair("co_view", "racket-blue-0", "racket-red-0", 3),
]
DISTINCT = {("balls-red-0", "racket-red-0"), ("pan-red-0", "racket-red-0"), ("racket-blue-0", "racket-red-0")}
BOTH_WAYS = DISTINCT | {(dst, src) for src, dst in DISTINCT}


@pytest.fixture
def versions(profile: Profile, spark: SparkSession) -> dict[str, int]:
    """Return the versions of a tiny lake with three distinct pairs."""
    return {**write_tiny_lake(profile), "item_pairs": write_rows(profile, "item_pairs", PAIRS)}


def judge_edges(profile: Profile, versions: dict[str, int], **params: Any) -> JobResult:
    return run(JobRun(profile=profile, run_id="r1", versions=versions, params=params))


def verdicts(profile: Profile) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["src"], row["dst"]): row for row in lake.read_table(profile, "edge_verdicts").to_pylist()}


def with_judge(profile: Profile, **judge: Any) -> Profile:
    return load_profile(overrides={"home": profile.home, "judge": judge})


def test_every_distinct_pair_is_judged_once_by_a_judge_that_knows_no_order(profile: Profile, versions: dict[str, int]) -> None:
    result = judge_edges(profile, versions)
    found = verdicts(profile)
    assert set(found) == DISTINCT
    assert found["racket-blue-0", "racket-red-0"]["p_substitute"] > 0.7
    assert found["balls-red-0", "racket-red-0"]["p_complement"] > 0.5
    assert {row["judge"] for row in found.values()} == {"rules"}
    assert {row["known_at"] for row in found.values()} == {EPOCH}
    assert result.versions == {"edge_verdicts": lake.current_version(profile, "edge_verdicts")}
    assert result.summary["labels"] == {"substitute": 1, "complement": 1, "neither": 1}
    assert (result.summary["judge"], result.summary["setting"], result.summary["judged"]) == ("rules", "auto", 3)


def test_a_verdict_that_two_labels_share_is_counted_as_undecided(spark: SparkSession) -> None:
    rows = [("a", "b", "h", 0.4, 0.4, 0.2), ("c", "d", "h", 1 / 3, 1 / 3, 1 / 3), ("e", "f", "h", 0.2, 0.2, 0.6), ("g", "h", "h", 0.6, 0.2, 0.2)]
    told = spark.createDataFrame(rows, "src string, dst string, prompt_hash string, p_substitute double, p_complement double, p_neither double")
    assert count_labels(told, told) == {"undecided": 2, "neither": 1, "substitute": 1}


def test_running_it_again_asks_nothing_and_writes_nothing(profile: Profile, versions: dict[str, int]) -> None:
    first = judge_edges(profile, versions)
    again = judge_edges(profile, versions)
    assert again.versions == first.versions
    assert (again.summary["judged"], again.summary["cached"]) == (0, 3)
    assert again.summary["labels"] == first.summary["labels"]


def test_a_limit_takes_the_most_frequent_pairs_unless_another_order_is_asked_for(profile: Profile, versions: dict[str, int]) -> None:
    judge_edges(profile, versions, limit=1)
    assert set(verdicts(profile)) == {("balls-red-0", "racket-red-0")}
    judge_edges(profile, versions, limit=1, first="uncertain")
    assert set(verdicts(profile)) == {("balls-red-0", "racket-red-0"), ("pan-red-0", "racket-red-0")}, "the rules know no pan that goes with a racket"


def test_a_share_takes_that_part_of_the_pairs_and_the_rest_may_be_asked_later(profile: Profile, versions: dict[str, int]) -> None:
    half = judge_edges(profile, versions, share=0.5, first="random")
    assert half.summary["judged"] == 2, "of three pairs, rounded up"
    assert judge_edges(profile, versions).summary["judged"] == 1


def test_pruned_pairs_are_not_paid_for_but_substitutes_always_are(profile: Profile, versions: dict[str, int]) -> None:
    common = {"graph": "full", "run": "r1", "score": 0.1, "kept": False, "rule": "global", "rate": 0.5}
    pruned = [{**common, **{name: row[name] for name in ("relation", "src", "dst")}} for row in (PAIRS[3], PAIRS[4])]
    judge_edges(profile, {**versions, "pair_scores": write_rows(profile, "pair_scores", pruned)})
    assert set(verdicts(profile)) == DISTINCT - {("pan-red-0", "racket-red-0")}


def test_a_changed_title_is_judged_anew_and_the_old_verdict_stays(profile: Profile, versions: dict[str, int]) -> None:
    judge_edges(profile, versions)
    item = lake.read_table(profile, "items", where={"item_id": "pan-red-0"}).to_pylist()[0]
    changed = write_rows(profile, "items", [{**item, "title": "wok"}])
    again = judge_edges(profile, {**versions, "items": changed})
    assert (again.summary["judged"], again.summary["cached"]) == (1, 2)
    assert lake.read_table(profile, "edge_verdicts").num_rows == 4


def test_an_item_that_left_the_shop_takes_no_verdict_with_it_and_stops_no_gate(profile: Profile, versions: dict[str, int]) -> None:
    judged = judge_edges(profile, versions).versions
    staying = [item for item in lake.read_table(profile, "items").to_pylist() if item["item_id"] != "pan-red-0"]
    left = {**judged, "items": write_rows(profile, "items", staying)}
    gate.run(JobRun(profile=profile, run_id="r1", versions=left, params={"tables": ["edge_verdicts"]}))
    assert set(verdicts(profile)) == DISTINCT


def test_flan_t5_judges_in_sparks_workers(profile: Profile, versions: dict[str, int], tmp_path: Path) -> None:
    folder = tmp_path / "flan"
    folder.mkdir()
    write_checkpoint(folder)
    result = judge_edges(with_judge(profile, model=str(folder)), versions)
    assert result.summary["judge"] == "flan-t5"
    assert set(verdicts(profile)) == BOTH_WAYS
    assert all(row["tokens"] > 5 and row["seconds"] > 0 and row["cost"] is None for row in verdicts(profile).values())
    assert result.summary["tokens"] == sum(row["tokens"] for row in verdicts(profile).values())
    assert {row["model_revision"] for row in verdicts(profile).values()} == {result.summary["revision"]}
    assert all(abs(row["p_substitute"] + row["p_complement"] + row["p_neither"] - 1) < 1e-6 for row in verdicts(profile).values())


@pytest.fixture
def fussy() -> "Iterator[tuple[str, list[dict[str, Any]], dict[str, bool]]]":
    """Serve a model that refuses to speak of pans until it is told to."""
    mood = {"fussy": True}

    def respond(body: dict[str, Any]) -> tuple[int, str]:
        refuses = mood["fussy"] and re.search("title: [a-z]* pan", body["messages"][0]["content"])
        return (400, "no pans") if refuses else (200, completion(GOOD))

    with serve(respond) as (endpoint, requests):
        yield endpoint, requests, mood


def test_verdicts_paid_for_before_a_failure_are_kept_and_not_paid_twice(
    profile: Profile, versions: dict[str, int], fussy: tuple[str, list[dict[str, Any]], dict[str, bool]]
) -> None:
    endpoint, requests, mood = fussy
    asking = with_judge(profile, kind="openai", endpoint=endpoint, model="m")
    with pytest.raises(ModelUnavailable, match="HTTP 400"):
        judge_edges(asking, versions)
    paid = set(verdicts(profile))
    assert not paid & {("pan-red-0", "racket-red-0"), ("racket-red-0", "pan-red-0")}
    refused = len(requests) - len(paid)
    mood["fussy"] = False
    result = judge_edges(asking, versions)
    assert set(verdicts(profile)) == BOTH_WAYS
    assert result.summary["cached"] == len(paid)
    assert len(requests) == len(BOTH_WAYS) + refused
    assert "sk-" not in json.dumps(result.summary)


def test_an_answer_that_makes_no_sense_is_not_asked_for_again(profile: Profile, versions: dict[str, int]) -> None:
    def respond(body: dict[str, Any]) -> tuple[int, str]:
        return 200, completion("I love pans" if re.search("title: [a-z]* pan", body["messages"][0]["content"]) else GOOD)

    with serve(respond) as (endpoint, requests):
        asking = with_judge(profile, kind="openai", endpoint=endpoint, model="m")
        first, again = judge_edges(asking, versions), judge_edges(asking, versions)
        assert len(requests) == len(BOTH_WAYS)
    assert first.summary["labels"] == {"substitute": 4, "undecided": 2}
    assert (again.summary["judged"], again.summary["cached"]) == (0, 6)
    assert "I love pans" in verdicts(profile)["pan-red-0", "racket-red-0"]["reason"]


PRICED = json.dumps({"choices": [{"message": {"content": GOOD}}], "usage": {"prompt_tokens": 200, "completion_tokens": 30}})


def test_a_budget_stops_before_it_is_exceeded_and_the_next_run_goes_on_in_the_same_order(profile: Profile, versions: dict[str, int]) -> None:
    with serve(lambda _: (200, PRICED)) as (endpoint, requests):
        frugal = with_judge(profile, kind="openai", endpoint=endpoint, model="m", max_cost=0.0024, price_read=1.0, price_written=4.0)
        first = judge_edges(frugal, versions)
        asked = [request["messages"][0]["content"] for request in requests]
        again = judge_edges(frugal, versions)
    assert 0 < first.summary["judged"] < len(BOTH_WAYS)
    assert first.summary["left"] == len(BOTH_WAYS) - first.summary["judged"]
    assert first.summary["cost"] == pytest.approx(first.summary["judged"] * 0.00032)
    assert first.summary["cost"] <= 0.0024
    assert all("balls" in question for question in asked[:2]), "the most frequent pair comes first, both ways round"
    assert again.summary["cached"] == first.summary["judged"]
    assert again.summary["judged"] > 0
    assert {(row["tokens"], round(row["cost"], 6)) for row in verdicts(profile).values()} == {(230, 0.00032)}
