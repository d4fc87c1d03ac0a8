"""What becomes of an answer, as a shop tells it to the gateway (``POST /events``): it was shown, clicked on, put into a cart, bought from."""

import re
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from goeswith_client.answers import Answer, Source, Trial
from goeswith_client.limits import MAX_GIVEN, MAX_ID_CHARS, MAX_K, MAX_PIECES, MAX_PRICE

NO_CONTROLS = r"^[^\x00-\x1f\x7f-\x9f]+$"
Id = Annotated[str, Field(min_length=1, max_length=MAX_ID_CHARS, pattern=NO_CONTROLS)]
UnitId = Annotated[str, Field(min_length=1, max_length=MAX_ID_CHARS, pattern=r"^[^\s\x00-\x1f\x7f-\x9f]+$")]
"""Who asks, or a session or order of theirs: opaque, so there is no white space in it that somebody might trim."""
AnswerId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Position = Annotated[int, Field(ge=1, le=MAX_K)]
Kind = Literal["exposure", "click", "cart", "purchase"]
KINDS: tuple[Kind, ...] = ("exposure", "click", "cart", "purchase")


class _Event(BaseModel):
    """``event_id`` is the sender's: an event that is sent twice under one counts once. ``unit`` is who the answer was asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    event_id: Id
    unit: UnitId
    happened_at: AwareDatetime
    trial: Trial | None = None
    """The answer's."""


class Exposure(_Event):
    """An answer was shown: ``items`` are those that were, best first, none of an empty answer. The rest is the answer's own."""

    kind: Literal["exposure"] = "exposure"
    answer_id: AnswerId
    items: tuple[Id, ...] = Field(default=(), max_length=MAX_K)
    query: tuple[Id, ...] = Field(default=(), max_length=MAX_GIVEN)
    type: Literal["substitute", "complement", "bundle", "made_bundle"]
    source: Source
    model_version: Id | None = None
    unsure: bool = False
    """Whether none of the items reached its model's threshold."""

    @classmethod
    def of(cls, answer: Answer, unit: str, happened_at: datetime, shown: int | None = None) -> Self:
        """Return the event of an answer whose first ``shown`` items (all where None) were shown to a unit.

        A new item's title that is too long for an id is left out of the query.
        """
        items = answer.items[:shown]
        return cls(
            event_id=f"shown-{answer.answer_id}",
            unit=unit,
            happened_at=happened_at,
            trial=answer.trial,
            answer_id=answer.answer_id,
            items=tuple(item.item_id for item in items),
            query=tuple(text for text in answer.query if len(text) <= MAX_ID_CHARS and re.fullmatch(NO_CONTROLS, text)),
            type=answer.type,  # type: ignore[arg-type]  # a text there: pydantic checks it
            source=answer.source,
            model_version=answer.versions.model_version,
            unsure=bool(items) and all(item.sure is False for item in items),
        )


class _Reaction(_Event):
    item: Id
    basket: UnitId | None = None
    """The session or order that it belongs to; without one, all that the unit does on that day (UTC) belongs together."""


class Click(_Reaction):
    """An item of an answer was opened, or put into a cart; ``position`` counts from 1."""

    kind: Literal["click", "cart"] = "click"
    answer_id: AnswerId
    position: Position


class Purchase(_Reaction):
    """An item was bought. ``answer_id`` and ``position`` say from which answer, where one is known; experiments count it by its unit."""

    kind: Literal["purchase"] = "purchase"
    answer_id: AnswerId | None = None
    position: Position | None = None
    quantity: int = Field(default=1, ge=1, le=MAX_PIECES)
    price: float | None = Field(default=None, ge=0, le=MAX_PRICE, allow_inf_nan=False)
    """Paid a piece."""


Event = Annotated[Exposure | Click | Purchase, Field(discriminator="kind")]
