"""How often each label of a judge is right, by a person's answers: with Wilson's 95% interval."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from goeswith.audit.answers import SKIP, Answered
from goeswith.audit.sample import FATES, AskedVerdict, count_strata
from goeswith.catalogue.graph import LABELS

Z = 1.959963984540054
"""The normal distribution's 97.5% quantile."""
ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Precision:
    """Of ``verdicts`` with a label and fate ``answered`` were looked at, ``right`` of which say what the person says.

    Over all fates (``ALL``) precision weighs each fate by its verdicts, for the sample does not; None where nothing was answered.
    """

    label: str
    fate: str
    verdicts: int
    answered: int
    right: int
    precision: float | None
    low: float | None
    high: float | None


def measure_precision(verdicts: Sequence[AskedVerdict], answers: Answered) -> list[Precision]:
    """Return a row for each label and fate that there is, and one for each label over its fates. Answers about older verdicts do not count."""
    sizes, rows = count_strata(verdicts), []
    for label in LABELS:
        parts = [_of_stratum(verdicts, answers, label, fate, sizes[label, fate]) for fate in FATES if (label, fate) in sizes]
        rows += [*parts, *([_over_fates(label, parts)] if parts else [])]
    return rows


def _of_stratum(verdicts: Sequence[AskedVerdict], answers: Answered, label: str, fate: str, size: int) -> Precision:
    given = [answers.get((one.src, one.dst, one.prompt_hash), SKIP) for one in verdicts if one.stratum == (label, fate)]
    told = [answer for answer in given if answer != SKIP]
    right = told.count(label)
    value, low, high = (None, None, None) if not told else (right / len(told), *wilson(right / len(told), len(told)))
    return Precision(label=label, fate=fate, verdicts=size, answered=len(told), right=right, precision=value, low=low, high=high)


def _over_fates(label: str, parts: Sequence[Precision]) -> Precision:
    """Weigh the fates that were looked at; the interval is that of as many draws from the whole as would be as uncertain."""
    seen = [(part, part.precision) for part in parts if part.precision is not None]
    total = sum(part.verdicts for part, _ in seen)
    value = low = high = None
    if seen:
        value = sum(part.verdicts / total * precision for part, precision in seen)
        low, high = wilson(value, 1 / sum((part.verdicts / total) ** 2 / part.answered for part, _ in seen))
    answered, right, verdicts = (sum(getattr(part, name) for part in parts) for name in ("answered", "right", "verdicts"))
    return Precision(label=label, fate=ALL, verdicts=verdicts, answered=answered, right=right, precision=value, low=low, high=high)


def wilson(share: float, n: float) -> tuple[float, float]:
    """Return Wilson's 95% score interval of a share of n draws (JASA 22, 1927), as scipy's ``binomtest`` has it; n need not be whole."""
    middle = share + Z * Z / (2 * n)
    half = Z * sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    scale = 1 + Z * Z / n
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)
