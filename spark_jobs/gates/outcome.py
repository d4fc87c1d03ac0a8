"""What a gate saw, and what it decides."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from goeswith.catalogue import Severity
from goeswith.overrides import Override

Decision = Literal["pass", "overridden", "stop", "crashed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one expectation met.

    ``observed`` is what was measured, as JSON. ``unexpected`` counts the rows that broke it; null where it bounds no rows. ``sample``
    holds at most ten of them, or of the parts of the table that changed, as JSON.
    """

    expectation: str
    success: bool
    severity: Severity = "stop"
    crashed: bool = False
    observed: str | None = None
    unexpected: int | None = None
    sample: str | None = None

    @property
    def stops(self) -> bool:
        """Whether this alone would refuse the version."""
        return not self.success and self.severity == "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that one gate saw of one version of a table. ``overrides`` are those that it may use, ``seconds`` what each pass took."""

    table: str
    version: int
    outcomes: tuple[Outcome, ...]
    overrides: Mapping[str, Override] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def decision(self) -> Decision:
        """Crashed where an expectation could not be evaluated; overridden where each that stops the version is let pass; else pass or stop."""
        if any(outcome.crashed for outcome in self.outcomes):
            return "crashed"
        stopping = [outcome.expectation for outcome in self.outcomes if outcome.stops]
        if not stopping:
            return "pass"
        return "overridden" if set(stopping) <= set(self.overrides) else "stop"

    @property
    def used(self) -> list[Override]:
        """The overrides without which the version would be refused: none unless they suffice."""
        stopping = {outcome.expectation for outcome in self.outcomes if outcome.stops}
        return [self.overrides[name] for name in sorted(stopping)] if self.decision == "overridden" else []

    @property
    def failed(self) -> list[Outcome]:
        """What does not hold, warnings included, the gravest first."""
        broken = [outcome for outcome in self.outcomes if not outcome.success]
        return sorted(broken, key=lambda outcome: (not outcome.crashed, outcome.severity != "stop"))

    def summary(self) -> dict[str, Any]:
        """Return what people and reports read of it."""
        failed = [{"expectation": o.expectation, "severity": o.severity, "unexpected": o.unexpected, "sample": o.sample} for o in self.failed]
        seen = {"version": self.version, "decision": self.decision, "expectations": len(self.outcomes), "failed": failed}
        return {**seen, "overridden": [override.expectation for override in self.used], "seconds": dict(self.seconds)}
