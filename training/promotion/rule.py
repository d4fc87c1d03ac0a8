"""What is worse: a slice on which the challenger surely lost more than it may. Pure: differences in, a verdict out."""

from collections.abc import Iterable, Sequence

from goeswith.promotions import Champion, Comparison, Difference

SHOWN = 3
"""Losses that a reason names; the record holds all."""


def judge(champion: Champion, found: Sequence[Difference], margin: float) -> Comparison:
    """Return whether the whole interval of the difference lies below ``-margin`` times what the champion reached, on any guarded slice."""
    losses = sorted((each for each in found if each.guarded and is_loss(each, margin)), key=lambda each: each.difference.high)
    if losses:
        return Comparison(worse=True, why=_told(champion, losses, margin), differences=tuple(found))
    guarded = sum(each.guarded for each in found)
    known, unknown = (
        f"no worse than {champion.name} on {guarded} slices",
        f"too few questions that {champion.name} may be asked, too, to compare them",
    )
    why = known if guarded else unknown
    return Comparison(worse=False, why=why, differences=tuple(found))


def is_loss(each: Difference, margin: float) -> bool:
    """Return whether surely more than a share ``margin`` of the champion's value was lost."""
    return each.difference.high < -margin * each.champion.value


def _told(champion: Champion, losses: Sequence[Difference], margin: float) -> str:
    more = f" and {len(losses) - SHOWN} more" if len(losses) > SHOWN else ""
    return f"worse than {champion.name} by more than {margin:.0%}: {'; '.join(_lines(losses[:SHOWN]))}{more}"


def _lines(losses: Iterable[Difference]) -> Iterable[str]:
    for each in losses:
        lead = each.difference
        what = f"{each.task} {each.slice} {each.metric} {each.challenger.value:.3f} instead of {each.champion.value:.3f}"
        yield f"{what}, difference {lead.value:+.3f} [{lead.low:+.3f}, {lead.high:+.3f}] over {each.n} questions"
