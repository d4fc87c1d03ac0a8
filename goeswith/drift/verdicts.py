"""A measure, and what it comes to."""

from dataclasses import dataclass
from typing import Any, Literal

from goeswith.catalogue.drift import VERDICTS
from goeswith.drift.limits import Config, Limit
from goeswith.drift.signs import SIGNS, Sign

Verdict = Literal["fine", "too_few", "ticket", "retrain"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What two sides of a measure are: a reference by name, and the versions of the table."""

    reference: str
    reference_version: int
    current_version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One figure. ``value`` None: there is too little on a side to have one; ``rows`` are those of the smaller side."""

    kind: str
    name: str
    part: str
    compared: Compared
    value: float | None
    rows: int
    low: float | None = None
    high: float | None = None
    before: float | None = None
    after: float | None = None

    @property
    def sign(self) -> Sign:
        """What it means."""
        return SIGNS[self.kind, self.name]

    @property
    def surely(self) -> float | None:
        """How far it moved to the worse at least: by the near end of its interval, where it has one."""
        if self.sign.worse == "higher":
            return self.low if self.low is not None else self.value
        near = self.high if self.high is not None else self.value
        return None if near is None else -near


def judge(measure: Measure, config: Config) -> Verdict:
    """Return what a measure comes to: one with an interval passes a limit once the whole interval has."""
    limit, surely = config.limit(measure.sign.limit), measure.surely
    if surely is None or measure.rows < config.min_rows:
        return "too_few"
    return _reached(limit, surely)


def _reached(limit: Limit, surely: float) -> Verdict:
    if limit.retrain is not None and surely >= limit.retrain:
        return "retrain"
    return "ticket" if surely >= limit.ticket else "fine"


def severity(row: dict[str, Any]) -> tuple[int, float]:
    """Return the order of rows of ``drift``, the worst last: by verdict, then by how much of the threshold is reached."""
    return VERDICTS.index(row["verdict"]), abs(row["value"] or 0.0) / row["threshold"]
