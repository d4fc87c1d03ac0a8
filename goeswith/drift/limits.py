"""From which figure on somebody should look, and from which training is due. Why these: docs/adr/0030-drift.md."""

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from goeswith.config import STRICT

LimitName = Literal["distribution", "feed", "traffic", "new_items", "reactions", "answers"]
Days = Annotated[int, Field(ge=1, le=365)]
Count = Annotated[int, Field(ge=2)]


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Limit:
    """``ticket``: from here on somebody should look. ``retrain``: from here on training is due; None where it mends nothing."""

    ticket: Annotated[float, Field(gt=0)]
    retrain: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _in_order(self) -> "Limit":
        if self.retrain is not None and self.retrain < self.ticket:
            raise ValueError("retrain is below ticket: training would be due before anybody had to look")
        return self


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Config:
    """Limits of what is measured, and how much there must be of it.

    ``distribution`` (PSI): of what models learn from. ``feed`` (PSI): of what the feed leaves out. ``traffic``: part by which events a day
    fall. ``new_items``: share of events about items that training did not know. ``reactions``: part by which clicks or purchases an answer fall.
    ``answers``: points by which lists become fewer, or bestsellers in their place more. Windows are ``window_days`` long; fewer than ``min_rows``
    rows, or ``min_reactions`` clicks or purchases before, say nothing. Training is not asked for again within ``cool_down_days``.
    """

    distribution: Limit = Limit(ticket=0.2, retrain=0.25)
    feed: Limit = Limit(ticket=0.2)
    traffic: Limit = Limit(ticket=0.5)
    new_items: Limit = Limit(ticket=0.1, retrain=0.25)
    reactions: Limit = Limit(ticket=0.1, retrain=0.2)
    answers: Limit = Limit(ticket=0.05)
    min_rows: Count = 500
    min_reactions: Count = 30
    window_days: Days = 14
    cool_down_days: Days = 7

    def limit(self, name: LimitName) -> Limit:
        """Return a limit by its name."""
        found: Limit = getattr(self, name)
        return found
