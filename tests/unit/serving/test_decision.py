"""When a canary stays and when it goes: a pure function of what Triton counted."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goeswith.model_contract import ModelSpec
from serving.rollout.decision import Bounds, Load, judge
from serving.rollout.traffic import parse_loads, since

BOUNDS = Bounds(requests=500, per_model=100, errors=0.01, slower=1.5, slack_ms=10)
GOOD = Load(requests=1000, failed=2, p99_ms=20)


def test_a_canary_that_is_no_worse_is_good() -> None:
    verdict = judge({"relations": GOOD}, {"relations": Load(requests=600, failed=1, p99_ms=25)}, BOUNDS)
    assert verdict.outcome == "good"
    assert verdict.figures["canary"] == {"requests": 600, "failed": 1, "p99_ms": {"relations": 25.0}}


def test_too_few_requests_of_either_tell_nothing() -> None:
    assert judge({"relations": GOOD}, {"relations": Load(requests=499)}, BOUNDS).outcome == "wait"
    assert judge({"relations": Load(requests=10)}, {"relations": GOOD}, BOUNDS).outcome == "wait"
    assert judge({}, {}, BOUNDS).why == "0 of 500 requests"


def test_many_errors_are_told_before_the_window_is_full() -> None:
    verdict = judge({"relations": GOOD}, {"relations": Load(requests=20, failed=10)}, BOUNDS)
    assert verdict.outcome == "roll back"
    assert verdict.why.startswith("50.0% of its requests failed, 0.2% of the current version's")


def test_one_error_of_the_first_few_is_no_proof() -> None:
    assert judge({"relations": GOOD}, {"relations": Load(requests=10, failed=1)}, BOUNDS).outcome == "wait"


def test_errors_that_both_have_are_the_requests_fault() -> None:
    bad = Load(requests=1000, failed=300)
    assert judge({"relations": bad}, {"relations": bad}, BOUNDS).outcome == "good"


def test_one_slow_model_is_enough_and_named() -> None:
    slow = {"relations": GOOD, "bundle": Load(requests=100, p99_ms=41)}
    verdict = judge({"relations": GOOD, "bundle": Load(requests=100, p99_ms=20)}, slow, BOUNDS)
    assert verdict.outcome == "roll back"
    assert verdict.why == "bundle takes 41.0 ms at the 99th percentile, 20.0 ms in the current version, at most 40.0 ms"


@pytest.mark.parametrize("canary", [Load(requests=99, p99_ms=900), Load(requests=1000, p99_ms=None)], ids=["too few", "not known"])
def test_a_percentile_of_few_answers_or_none_is_no_reason(canary: Load) -> None:
    assert judge({"relations": GOOD}, {"relations": canary}, BOUNDS).outcome != "roll back"


loads = st.builds(
    lambda asked, failed, p99: Load(requests=asked, failed=min(asked, failed), p99_ms=p99),
    st.integers(0, 5000),
    st.integers(0, 5000),
    st.none() | st.floats(0.1, 1e4),
)


@given(loads, loads)
def test_a_version_is_never_rolled_back_for_what_the_current_one_does_as_well(load: Load, other: Load) -> None:
    assert judge({"a": load, "b": other}, {"a": load, "b": other}, BOUNDS).outcome != "roll back"


@given(loads, loads, st.integers(1, 500))
def test_more_errors_never_save_a_canary(current: Load, canary: Load, more: int) -> None:
    worse = Load(requests=canary.requests + more, failed=canary.failed + more, p99_ms=canary.p99_ms)
    if judge({"a": current}, {"a": canary}, BOUNDS).outcome == "roll back":
        assert judge({"a": current}, {"a": worse}, BOUNDS).outcome == "roll back"


def test_a_canary_as_good_as_the_current_version_is_hardly_ever_rolled_back_for_errors() -> None:
    rng = random.Random(0)  # noqa: S311 - draws, no secret
    current = {"a": Load(requests=10_000, failed=500)}
    wrong = sum(
        judge(current, {"a": Load(requests=500, failed=sum(rng.random() < 0.05 for _ in range(500)))}, BOUNDS).outcome == "roll back"
        for _ in range(200)
    )
    assert wrong <= 4


METRICS = """# HELP nv_inference_request_success Number
# TYPE nv_inference_request_success counter
nv_inference_request_success{model="new_item",version="1"} 10
nv_inference_request_success{model="new_item_v2",version="2"} 4
nv_inference_request_success{model="relations",version="1"} 61
nv_inference_request_success{model="relations",version="2"} 5
# TYPE nv_inference_request_failure counter
nv_inference_request_failure{model="relations",reason="BACKEND",version="2"} 2
nv_inference_request_failure{model="relations",reason="REJECTED",version="2"} 1
# TYPE nv_inference_request_summary_us summary
nv_inference_request_summary_us_count{model="relations",version="2"} 8
nv_inference_request_summary_us{model="relations",version="2",quantile="0.5"} 900
nv_inference_request_summary_us{model="relations",version="2",quantile="0.99"} 2490
nv_inference_request_summary_us{model="new_item_v2",version="2",quantile="0.99"} Nan
# TYPE nv_inference_compute_infer_summary_us summary
nv_inference_compute_infer_summary_us{model="new_item_v2",version="2",quantile="0.99"} 3000
"""
MODELS = [ModelSpec(name=name, platform="python", inputs=(), outputs=()) for name in ("relations", "new_item")]


def test_each_version_is_counted_for_itself_under_the_name_that_it_is_served_by() -> None:
    canary = parse_loads(METRICS, MODELS, 2, {"new_item": "new_item_v2"})
    assert canary == {"relations": Load(requests=8, failed=3, p99_ms=2.49), "new_item": Load(requests=4, p99_ms=3.0)}
    assert parse_loads(METRICS, MODELS, 1, {})["relations"] == Load(requests=61)


def test_only_what_came_since_counts_and_a_version_that_was_loaded_anew_counts_from_then() -> None:
    before = {"a": Load(requests=100, failed=3), "b": Load(requests=100)}
    assert since(before, {"a": Load(requests=150, failed=4, p99_ms=5), "b": Load(requests=7)}) == {
        "a": Load(requests=50, failed=1, p99_ms=5),
        "b": Load(requests=7),
    }
