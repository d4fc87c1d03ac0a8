"""What keeps back a challenger that is no worse: gates, latency, a person who was not asked yet."""

import pytest

from goeswith.promotions import Approval, Gate, Latency, now
from serving.promotion.gates import find_unpassed
from serving.promotion.rule import Limits, decide, find_slow
from tests.promotion_records import undecided

FOUND = undecided()


@pytest.mark.parametrize(("ms", "slow"), [(2.0, False), (7.9, False), (8.1, True)])
def test_a_model_may_take_half_as_long_again_and_five_milliseconds(ms: float, slow: bool) -> None:
    latency = [Latency(model="relations", champion_ms=2.0, challenger_ms=ms)]
    assert bool(list(find_slow(latency, Limits()))) is slow


def test_the_reason_names_the_model_and_its_limit() -> None:
    (why,) = find_slow([Latency(model="bundle", champion_ms=10, challenger_ms=25)], Limits())
    assert why == "bundle takes 25.0 ms, the champion 10.0 ms, at most 20.0 ms"


def test_a_version_that_no_gate_let_pass_is_named_and_one_that_was_released_needs_none() -> None:
    gates = (
        Gate(table="items", version=3, decision="pass"),
        Gate(table="events", version=4, decision="overridden"),
        Gate(table="holdout", version=5, decision=None),
        Gate(table="training_sets", version=6, decision=None),
        Gate(table="relations", version=7, decision="fail"),
    )
    assert find_unpassed(gates, {"items": 3, "holdout": 5}) == [
        "version 6 of training_sets passed no gate: none looked at it",
        "version 7 of relations passed no gate: fail",
    ]


def test_faults_keep_back_whoever_approved() -> None:
    approved = FOUND.model_copy(update={"approval": Approval(by="ada", at=now(), approved=True)})
    assert decide(approved, ["too slow", "no gate"], ask=True) == ("kept back", "too slow; no gate")


def test_without_faults_it_goes_live_or_waits_for_a_person() -> None:
    assert decide(FOUND, [], ask=False) == ("promoted", "no worse than old/1 on 1 slices")
    assert decide(FOUND, [], ask=True) == ("undecided", "awaits approval; no worse than old/1 on 1 slices")


def test_what_a_person_said_holds() -> None:
    rejected = FOUND.model_copy(
        update={"decision": "kept back", "reason": "not approved by ada", "approval": Approval(by="ada", at=now(), approved=False)}
    )
    assert decide(rejected, [], ask=True) == ("kept back", "not approved by ada")
