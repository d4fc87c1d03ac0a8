"""``POST /offers``: prices and stock between releases. What was acknowledged is in the next answer."""

import logging
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from threading import Lock
from typing import Annotated, Self

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field, model_validator

from goeswith.profile import Profile
from goeswith.results import write_json
from goeswith_client import Client, FeaturesUnavailable
from goeswith_client.limits import MAX_OFFERS
from goeswith_client.offers import LAST, VIEW
from goeswith_client.online_store import ReopenedStore, Row
from serving.gateway.bodies import GivenId

logger = logging.getLogger(__name__)

Price = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]


class Offer(BaseModel):
    """What an item costs now, whether it is in stock, or both. Without a currency the price is in the item's own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    item_id: GivenId
    price: Price | None = None
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = None
    available: bool | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if (self.price is None and self.available is None) or (self.currency and self.price is None):
            raise ValueError("an offer has a price, or says whether the item is available, or both; a currency belongs to a price")
        return self


class Offers(BaseModel):
    """Offers in any order; of two about one item the later one holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    offers: list[Offer] = Field(min_length=1, max_length=MAX_OFFERS)


class Pushed(BaseModel):
    """How many offers hold from now on; ``unknown`` are the items that the shop's release does not know, whose offers were left out."""

    taken: int
    unknown: list[str]


class Shelf:
    """Writes offers to the online store, each feature of its own: a price that is pushed leaves alone what was pushed of the stock."""

    def __init__(self, profile: Profile, client: Client) -> None:
        self._folder, self._client = profile.features, client
        self._store, self._lock = ReopenedStore(profile.features), Lock()

    def push(self, offers: Sequence[Offer]) -> Pushed:
        """Write the offers of known items. Raises ``FeaturesUnavailable`` where the store is away or was materialised before it knew offers."""
        known = self._client.features.items(list(dict.fromkeys(offer.item_id for offer in offers)))
        taken = [offer for offer in offers if offer.item_id in known]
        if taken:
            self._write(taken)
        return Pushed(taken=len(taken), unknown=sorted({offer.item_id for offer in offers} - set(known)))

    def _write(self, offers: Sequence[Offer]) -> None:
        at = datetime.now(UTC)
        rows = [((offer.item_id,), _features(offer, at.timestamp())) for offer in offers]
        with self._lock:
            try:
                self._store.use(lambda store: store.write(VIEW, rows, at))
            except Exception as error:  # each online store has errors of its own
                logger.warning("offers were not written", exc_info=True)
                raise FeaturesUnavailable(f"the online store took no offers: {type(error).__name__}", "run: goeswith run publish") from error
            write_json(self._folder / LAST, {"last": time.time()})


def _features(offer: Offer, now: float) -> Row:
    """Return the features that an offer sets, each with its time."""
    price = {"price": offer.price, "priced_at": now, "currency": offer.currency or ""} if offer.price is not None else {}
    return {**price, **({"available": offer.available, "stocked_at": now} if offer.available is not None else {})}


def add_offers(app: FastAPI, shelf: Shelf) -> None:
    """Add the route."""

    @app.post("/offers")
    def push(pushed: Offers) -> Pushed:
        """Take prices and stock. They hold in every answer from now on, until a release that is made after them."""
        return shelf.push(pushed.offers)
