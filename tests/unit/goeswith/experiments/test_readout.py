"""A readout finds the uplift that was planted, counts only what belongs to the experiment, and holds back what may not be read."""

from datetime import timedelta

import pytest

from goeswith.errors import VersionMissing
from goeswith.experiments.estimates import Interval, Uplift
from goeswith.experiments.readout import Readout, judge, pooled_propensities, read_out
from goeswith.experiments.tally import MOST_POSITIONS, tally_positions, tally_units
from goeswith.profile import Profile
from tests.unit.goeswith.experiments.shop import NOON, STARTED, experiment, row, simulate, write

EVEN = [1.0] * MOST_POSITIONS
DAY = timedelta(days=1)


def bounds(interval: Interval) -> tuple[float, float]:
    assert interval.low is not None
    assert interval.high is not None
    return interval.low, interval.high


def uplift(found: Readout, rate: str, arm: str = "b") -> Uplift:
    return next(one.uplift for one in found.uplifts if (one.rate, one.arm) == (rate, arm))


def test_a_planted_uplift_is_found_and_none_where_there_is_none(profile: Profile) -> None:
    write(profile, [*simulate("a", 1_000, 0.1, 1), *simulate("b", 1_010, 0.2, 2), *simulate("c", 990, 0.1, 3)])
    found = read_out(profile, experiment(0.34, 0.33, 0.33))
    assert found.trusted
    low, high = bounds(uplift(found, "clicks_per_answer").difference)
    assert 0.05 < low < 0.1 < high < 0.13
    low, high = bounds(uplift(found, "clicks_per_answer", "c").always)
    assert low < 0 < high
    assert [(arm.arm, arm.units) for arm in found.arms] == [("a", 1_000), ("b", 1_010), ("c", 990)]


def test_only_what_belongs_to_the_experiment_counts(profile: Profile) -> None:
    mine = [row("exposure", "u1", 1), row("click", "u1", 1, position=1), row("cart", "u1", 1), row("purchase", "u1", 2, None)]
    early, late = STARTED - timedelta(seconds=1), NOON + DAY
    others = [
        row("exposure", "u1", 7, happened_at=early),
        row("exposure", "u1", 8, happened_at=late),
        row("click", "u1", 9, happened_at=late, position=1),
        row("exposure", "u1", 10, experiment="another"),
        row("exposure", "u2", 1, None),
        row("purchase", "u2", 1, None),
        row("purchase", "u1", 3, None, happened_at=NOON - timedelta(minutes=1)),
        row("purchase", "u1", 4, None, happened_at=late),
        row("click", "u3", 1, position=1),
    ]
    write(profile, [*mine, *others])
    tally = tally_units(profile, experiment(stopped={"by": "ann", "at": NOON + timedelta(hours=1)}), EVEN)
    assert tally.units == [1, 0]
    assert {name: counted[0] for name, counted in tally.counts.items()} == {"answers": 1, "clicks": 1, "carts": 1, "purchases": 1}


def test_answers_that_fall_back_are_empty_or_unsure_are_shares_of_answers(profile: Profile) -> None:
    rows = [row("exposure", f"u{n}", 1) for n in range(5)]
    rows += [row("exposure", "u0", 2, source="category_bestseller"), row("exposure", "u1", 2, items=[]), row("exposure", "u2", 2, unsure=True)]
    write(profile, [*rows, *(row("exposure", f"v{n}", 1, "b") for n in range(5))])
    arm = read_out(profile, experiment()).arms[0]
    assert {name: arm.rates[name].value for name in ("fallbacks", "empty", "unsure")} == dict.fromkeys(("fallbacks", "empty", "unsure"), 1 / 8)


def test_where_units_are_missing_nothing_is_compared(profile: Profile) -> None:
    rows = [row("exposure", f"{arm}{n}", 1, arm) for arm, number in (("a", 600), ("b", 400)) for n in range(number)]
    write(profile, [*rows, row("click", "b1", 1, "b", position=1)])
    found = read_out(profile, experiment(guardrails=[{"metric": "empty", "worse_by": 0.1}]))
    assert (found.trusted, found.uplifts, found.guardrails) == (False, [], [])
    assert found.sample_ratio_p < 1e-8


def test_guardrails_hold_are_broken_or_stay_open(profile: Profile) -> None:
    answers = {"a": "model", "b": "category_bestseller"}
    rows = [row("exposure", f"{arm}{n}", 1, arm, source=source if n % 2 else "model") for arm, source in answers.items() for n in range(300)]
    rows += [row("purchase", f"{arm}{n}", 1, None) for arm in "ab" for n in range(40)]
    write(profile, rows)
    rails = [{"metric": "fallbacks", "worse_by": 0.1}, {"metric": "empty", "worse_by": 0.01}, {"metric": "purchases", "worse_by": 0.05}]
    found = read_out(profile, experiment(guardrails=rails))
    assert [(check.metric, check.verdict) for check in found.guardrails] == [("fallbacks", "broken"), ("empty", "holds"), ("purchases", "open")]
    assert found.guardrails[0].seen.value == 0.5


@pytest.mark.parametrize(
    ("worse", "verdict"),
    [(Interval(0.0, -0.1, 0.04), "holds"), (Interval(0.1, 0.06, 0.2), "broken"), (Interval(0.0, -0.1, 0.1), "open"), (Interval(None), "open")],
)
def test_a_guardrail_is_judged_by_its_whole_interval(worse: Interval, verdict: str) -> None:
    assert judge(worse, 0.05) == verdict


def test_clicks_by_position_are_related_to_those_at_the_first(profile: Profile) -> None:
    write(profile, [*simulate("a", 1_500, 0.2, 1), *simulate("b", 1_500, 0.2, 2)])
    found = read_out(profile, experiment())
    mine = [place for place in found.positions if place.arm == "a"]
    assert [place.position for place in mine] == [1, 2, 3]
    assert [place.propensity for place in mine] == pytest.approx([1, 0.5, 1 / 6], abs=0.08)
    assert len({place.shown for place in mine}) == 1
    for place in mine:
        low, high = bounds(place.rate)
        assert low < place.clicks / place.shown < high
    assert pooled_propensities(tally_positions(profile, experiment()))[3:] == [0.0] * (MOST_POSITIONS - 3)


def test_a_click_weighs_as_much_more_as_its_place_is_seen_less(profile: Profile) -> None:
    clicks = [row("click", "u1", 1, position=1), row("click", "u1", 2, position=2), row("click", "u2", 3, position=30)]
    write(profile, [row("exposure", "u1", 1), row("exposure", "u2", 2), *clicks])
    tally = tally_units(profile, experiment(), [1.0, 0.5, *[0.01] * (MOST_POSITIONS - 2)])
    assert tally.rates["clicks_per_answer_adjusted"].rate(0).y == pytest.approx(1 + 2 + 10)
    assert tally.rates["clicks_per_answer"].rate(0).y == 3
    assert tally.rates["units_that_clicked"].rate(0).y == 2


def test_as_many_clicks_from_places_that_are_seen_more_are_worth_less(profile: Profile) -> None:
    high = [{**event, "position": 1} if event.get("position") == 2 else event for event in simulate("b", 2_000, 0.2, 2)]
    write(profile, [*simulate("a", 2_000, 0.2, 1), *high])
    found = read_out(profile, experiment())
    least, most = bounds(uplift(found, "clicks_per_answer").difference)
    assert least < 0 < most
    assert bounds(uplift(found, "clicks_per_answer_adjusted").difference)[1] < 0


def test_before_the_first_event_it_says_what_to_do(profile: Profile) -> None:
    with pytest.raises(VersionMissing, match="goeswith run feedback"):
        read_out(profile, experiment())
    write(profile, [row("exposure", "u1", 1, None)])
    found = read_out(profile, experiment())
    assert [arm.units for arm in found.arms] == [0, 0]
    assert all(one.uplift.difference.value is None for one in found.uplifts)
