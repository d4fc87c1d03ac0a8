"""The readout of an experiment: what each arm did, how sure that is, and whether the figures may be read at all."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from goeswith.errors import VersionMissing
from goeswith.experiments.estimates import Interval, Rate, Sums, Uplift, compare, sample_ratio_p
from goeswith.experiments.tally import MOST_POSITIONS, RATES, Tally, tally_positions, tally_units
from goeswith.profile import Profile
from goeswith_client.experiments import Experiment, Guardrail

LEAST_P = 0.001
"""Below it units are not in the arms as they should be: something loses them, and it may lose others than those that stay."""
UPLIFTS = ("clicks_per_answer", "clicks_per_answer_adjusted", "units_that_clicked", "purchases_per_unit")
GUARDED = {"fallbacks": "fallbacks", "empty": "empty", "unsure": "unsure", "purchases": "purchases_per_unit"}
Verdict = Literal["holds", "broken", "open"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmFigures:
    """One arm: units that were shown an answer, how often each thing happened, and its rates."""

    arm: str
    share: float
    units: int
    answers: int
    clicks: int
    carts: int
    purchases: int
    rates: dict[str, Interval]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmUplift:
    """One rate of an arm beside the control's."""

    arm: str
    rate: str
    uplift: Uplift


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardrailCheck:
    """What an arm does worse than the control (shares of answers: by how much; purchases: by which part), and what that means.

    ``open``: it may hold or not; more units will tell.
    """

    arm: str
    metric: str
    worse_by: float
    seen: Interval
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Clicks at a position of an arm's answers, a time that an item was shown there; ``propensity`` relates them to those at the first."""

    arm: str
    position: int
    shown: int
    clicks: int
    rate: Interval
    propensity: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Readout:
    """All that is known of an experiment. Where units are not in their shares (``trusted`` is false) nothing is compared."""

    experiment: str
    type: str
    control: str
    started: str
    stopped: str | None
    sample_ratio_p: float
    trusted: bool
    arms: Sequence[ArmFigures]
    uplifts: Sequence[ArmUplift]
    guardrails: Sequence[GuardrailCheck]
    positions: Sequence[Place]


def read_out(profile: Profile, experiment: Experiment) -> Readout:
    """Return an experiment's readout, as far as the lake has its feedback. Raises ``VersionMissing`` before the first of it."""
    try:
        places = tally_positions(profile, experiment)
    except VersionMissing as error:
        raise VersionMissing("the lake holds no feedback yet", "post events, and take them in: goeswith run feedback") from error
    tally = tally_units(profile, experiment, pooled_propensities(places))
    p = sample_ratio_p(tally.units, [arm.share for arm in experiment.arms])
    others = range(1, len(experiment.arms)) if p >= LEAST_P else ()
    return Readout(
        experiment=experiment.name,
        type=experiment.type,
        control=experiment.arms[0].name,
        started=experiment.started.at.isoformat(),
        stopped=experiment.stopped.at.isoformat() if experiment.stopped else None,
        sample_ratio_p=p,
        trusted=p >= LEAST_P,
        arms=[_figures(experiment, tally, place) for place in range(len(experiment.arms))],
        uplifts=[_uplift(experiment, tally, place, rate) for place in others for rate in UPLIFTS],
        guardrails=[_check(experiment, tally, place, guardrail) for place in others for guardrail in experiment.guardrails],
        positions=_places(experiment, places),
    )


def pooled_propensities(places: Sums) -> list[float]:
    """Return the clicks at each position relative to those at the first, over all arms; 1 where nothing was clicked on first."""
    rates = [places.every(MOST_POSITIONS, start).value or 0.0 for start in range(MOST_POSITIONS)]
    return [rate / rates[0] if rates[0] else 1.0 for rate in rates]


def _figures(experiment: Experiment, tally: Tally, place: int) -> ArmFigures:
    arm = experiment.arms[place]
    rates = {name: tally.rates[name].rate(place).interval() for name in RATES}
    counts = {name: found[place] for name, found in tally.counts.items()}
    return ArmFigures(arm=arm.name, share=arm.share, units=tally.units[place], rates=rates, **counts)


def _uplift(experiment: Experiment, tally: Tally, place: int, rate: str) -> ArmUplift:
    arm, control = (tally.rates[rate].rate(which) for which in (place, 0))
    return ArmUplift(arm=experiment.arms[place].name, rate=rate, uplift=compare(arm, control, comparisons=len(experiment.arms) - 1))


def _check(experiment: Experiment, tally: Tally, place: int, guardrail: Guardrail) -> GuardrailCheck:
    arm, control = (tally.rates[GUARDED[guardrail.metric]].rate(which) for which in (place, 0))
    found = compare(arm, control)
    seen = _negative(found.change) if guardrail.metric == "purchases" else found.difference
    name = experiment.arms[place].name
    return GuardrailCheck(arm=name, metric=guardrail.metric, worse_by=guardrail.worse_by, seen=seen, verdict=judge(seen, guardrail.worse_by))


def judge(worse: Interval, allowed: float) -> Verdict:
    """Return whether what is worse surely stays within what is allowed, surely does not, or may do either."""
    if worse.low is None or worse.high is None:
        return "open"
    return "holds" if worse.high <= allowed else "broken" if worse.low > allowed else "open"


def _negative(change: Interval) -> Interval:
    """Return by which part something fell."""
    value, low, high = (None if end is None else -end for end in (change.value, change.high, change.low))
    return Interval(value, low, high)


def _places(experiment: Experiment, places: Sums) -> list[Place]:
    found = []
    for number, arm in enumerate(experiment.arms):
        rates = [places.rate(number * MOST_POSITIONS + place) for place in range(MOST_POSITIONS)]
        found += [_place(arm.name, position, rate, rates[0]) for position, rate in enumerate(rates, 1) if rate.x]
    return found


def _place(arm: str, position: int, rate: Rate, first: Rate) -> Place:
    relative = rate.value / first.value if rate.value is not None and first.value else None
    return Place(arm=arm, position=position, shown=int(rate.x), clicks=int(rate.y), rate=rate.interval(), propensity=relative)
