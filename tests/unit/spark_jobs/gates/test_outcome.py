"""Decisions of a gate: what passes, what stops, and what an override changes."""

from datetime import UTC, datetime

import pytest

from goeswith.overrides import Override
from spark_jobs.gates.outcome import Outcome, Report

GOOD = Outcome(expectation="a is not null", success=True, unexpected=0)
WARNING = Outcome(expectation="has rows", success=False, severity="warn")
BROKEN = Outcome(expectation="price is at least 0", success=False, unexpected=3, sample="[]")
DOUBLE = Outcome(expectation="id is unique", success=False, unexpected=2)
CRASH = Outcome(expectation="the gate runs", success=False, crashed=True, observed='{"error": "np.bool"}')


def report(*outcomes: Outcome, overridden: tuple[str, ...] = ()) -> Report:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    overrides = {name: Override(table="items", expectation=name, author="ada", reason="known", created_at=at) for name in overridden}
    return Report(table="items", version=4, outcomes=outcomes, overrides=overrides)


@pytest.mark.parametrize(
    ("outcomes", "decision"),
    [((GOOD,), "pass"), ((GOOD, WARNING), "pass"), ((GOOD, BROKEN), "stop"), ((BROKEN, CRASH), "crashed"), ((), "pass")],
)
def test_a_crash_outweighs_a_broken_rule_which_outweighs_a_warning(outcomes: tuple[Outcome, ...], decision: str) -> None:
    assert report(*outcomes).decision == decision


def test_the_gravest_failure_is_named_first() -> None:
    assert report(GOOD, WARNING, BROKEN, CRASH).failed == [CRASH, BROKEN, WARNING]


def test_an_override_lets_pass_what_it_names_and_nothing_else() -> None:
    assert report(BROKEN, WARNING, overridden=(BROKEN.expectation,)).decision == "overridden"
    assert report(BROKEN, DOUBLE, overridden=(BROKEN.expectation,)).decision == "stop"
    assert report(BROKEN, DOUBLE, overridden=(BROKEN.expectation, DOUBLE.expectation)).decision == "overridden"


def test_no_override_lets_a_crash_pass() -> None:
    assert report(CRASH, overridden=(CRASH.expectation,)).decision == "crashed"
    assert report(BROKEN, CRASH, overridden=(BROKEN.expectation, CRASH.expectation)).decision == "crashed"


def test_an_override_is_used_only_where_it_decided() -> None:
    assert [o.expectation for o in report(BROKEN, overridden=(BROKEN.expectation, DOUBLE.expectation)).used] == [BROKEN.expectation]
    assert report(GOOD, overridden=(BROKEN.expectation,)).used == []
    assert report(BROKEN, DOUBLE, overridden=(BROKEN.expectation,)).used == []


def test_a_summary_names_what_failed_and_what_was_overridden() -> None:
    summary = report(GOOD, BROKEN, WARNING, overridden=(BROKEN.expectation,)).summary()
    assert (summary["decision"], summary["expectations"], summary["overridden"]) == ("overridden", 3, [BROKEN.expectation])
    assert [failed["expectation"] for failed in summary["failed"]] == [BROKEN.expectation, WARNING.expectation]
