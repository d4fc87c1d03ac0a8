"""The judge over HTTP, against a local server that answers, refuses, stalls and talks nonsense."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from goeswith.pair_judge.item import Item
from spark_jobs.judges.base import UNDECIDED, ItemPair, JudgeFailed
from spark_jobs.judges.openai import NONSENSE_COUNT, NonsenseError, OpenAIJudge, parse_verdict
from tests.unit.spark_jobs.judges.stand_ins import GOOD, Answer, completion, serve


def pairs(*titles: str) -> list[ItemPair]:
    return [ItemPair(Item(title=title), Item(title="anything")) for title in titles]


def judge_at(endpoint: str, **changed: Any) -> OpenAIJudge:
    settings = {"model": "small", "api_key": "sk-1", "timeout_s": 5.0, "attempts": 3, "backoff_s": 0.01}
    return OpenAIJudge(endpoint=endpoint, **{**settings, **changed})


def test_verdicts_come_in_the_order_of_the_pairs() -> None:
    def respond(body: dict[str, Any]) -> Answer:
        first = "title: first;" in body["messages"][0]["content"].replace("</a>", ";")
        time.sleep(0.1 if first else 0.0)
        return 200, completion(GOOD if first else '{"substitute": 0, "complement": 1, "neither": 0}')

    with serve(respond) as (endpoint, requests):
        verdicts = judge_at(endpoint).judge(pairs("first", "second"))
    assert [verdict.label for verdict in verdicts] == ["substitute", "complement"]
    assert verdicts[0].p_substitute == pytest.approx(0.7)
    assert {(r["path"], r["key"], r["model"], r["temperature"]) for r in requests} == {("/v1/chat/completions", "Bearer sk-1", "small", 0)}


def test_a_busy_endpoint_is_asked_again_after_a_growing_pause() -> None:
    answers = iter([(503, "busy"), (429, "slow down"), (200, completion(GOOD))])
    with serve(lambda _: next(answers)) as (endpoint, requests):
        started = time.monotonic()
        verdicts = judge_at(endpoint, backoff_s=0.1).judge(pairs("a"))
    assert time.monotonic() - started >= 0.1 + 0.2
    assert len(requests) == 3
    assert verdicts[0].label == "substitute"


def test_an_endpoint_that_stays_busy_is_given_up_after_the_stated_attempts() -> None:
    with serve(lambda _: (503, "busy")) as (endpoint, requests), pytest.raises(JudgeFailed, match=r"3 attempts: HTTP 503"):
        judge_at(endpoint).judge(pairs("a"))
    assert len(requests) == 3


def test_a_refusal_is_not_repeated() -> None:
    with serve(lambda _: (401, "who are you")) as (endpoint, requests), pytest.raises(JudgeFailed, match=r"HTTP 401.*\n.*judge.api_key"):
        judge_at(endpoint).judge(pairs("a"))
    assert len(requests) == 1


def test_a_server_that_stalls_costs_no_more_than_the_time_limit_each_attempt() -> None:
    release = threading.Event()

    def stall(_: dict[str, Any]) -> Answer:
        release.wait(10)
        return 200, completion(GOOD)

    with serve(stall) as (endpoint, _):
        started = time.monotonic()
        with pytest.raises(JudgeFailed, match="timed out"):
            judge_at(endpoint, timeout_s=0.2, attempts=2).judge(pairs("a"))
        assert time.monotonic() - started < 3
        release.set()


def test_nothing_listening_is_said_with_the_address() -> None:
    with pytest.raises(JudgeFailed, match=r"127\.0\.0\.1:9/v1.*Connection refused"):
        judge_at("http://127.0.0.1:9/v1", attempts=1).judge(pairs("a"))


def sensible_but(*bad: str) -> Callable[[dict[str, Any]], Answer]:
    """Return a model that talks nonsense about some titles."""

    def respond(body: dict[str, Any]) -> Answer:
        question = body["messages"][0]["content"]
        return 200, completion("I think so!" if any(f"title: {title}" in question for title in bad) else GOOD)

    return respond


def test_an_answer_that_makes_no_sense_leaves_its_pair_undecided_and_is_paid_for_once() -> None:
    with serve(sensible_but("bad")) as (endpoint, requests):
        verdicts = judge_at(endpoint).judge(pairs("good", "bad", "fine"))
    assert [verdict.label for verdict in verdicts] == ["substitute", UNDECIDED, "substitute"]
    assert "makes no sense" in verdicts[1].reason
    assert "I think so!" in verdicts[1].reason
    assert len(requests) == 3


def test_a_model_that_talks_nonsense_is_given_up_with_the_verdicts_that_were_paid_for() -> None:
    bad = [f"bad{n}" for n in range(NONSENSE_COUNT + 1)]
    with serve(sensible_but(*bad)) as (endpoint, requests), pytest.raises(JudgeFailed, match=r"4 of the judge's 6 answers.*I think so!") as failed:
        judge_at(endpoint, concurrency=1).judge(pairs("good", "fine", *bad, *(f"later{n}" for n in range(50))))
    assert [verdict is not None for verdict in failed.value.paid[:6]] == [True, True, False, False, False, False]
    assert len(failed.value.paid) == 56
    assert len(requests) < 20, "what had not begun is not asked"


def test_many_answers_may_hold_a_few_that_make_no_sense() -> None:
    with serve(sensible_but("bad")) as (endpoint, _):
        verdicts = judge_at(endpoint).judge(pairs(*(f"{'bad' if n % 8 == 7 else 'good'} {n}" for n in range(64))))
    assert sum(verdict.label == UNDECIDED for verdict in verdicts) == 8


def test_a_failure_carries_the_verdicts_that_were_already_paid_for() -> None:
    def respond(body: dict[str, Any]) -> Answer:
        return (401, "no more") if "title: bad" in body["messages"][0]["content"] else (200, completion(GOOD))

    with serve(respond) as (endpoint, _), pytest.raises(JudgeFailed, match="HTTP 401") as failed:
        judge_at(endpoint, concurrency=1).judge(pairs("good", "fine", "bad", "never asked"))
    paid = failed.value.paid
    assert len(paid) == 4
    assert [verdict is not None for verdict in paid[:3]] == [True, True, False]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("substitute", "JSONDecodeError"),
        ('{"substitute": 0.5}', "complement"),
        ('{"substitute": "high", "complement": 0, "neither": 0}', "no probability"),
        ('{"substitute": 7, "complement": 0, "neither": 0}', "no probability"),
        ('{"substitute": true, "complement": 0, "neither": 0}', "no probability"),
        ('{"substitute": NaN, "complement": 0, "neither": 0}', "no probability"),
        ('{"substitute": 0.1, "complement": 0.1, "neither": 0.1}', "sum to 0.3"),
        ("[1, 0, 0]", "TypeError"),
    ],
)
def test_nonsense_is_an_error_that_says_what_is_wrong(content: str, why: str) -> None:
    with pytest.raises(NonsenseError, match=why):
        parse_verdict(completion(content), "small")


def test_probabilities_that_are_rounded_are_brought_to_one() -> None:
    verdict = parse_verdict(completion('{"substitute": 0.33, "complement": 0.33, "neither": 0.33}'), "small")
    assert verdict.p_substitute + verdict.p_complement + verdict.p_neither == pytest.approx(1.0)
