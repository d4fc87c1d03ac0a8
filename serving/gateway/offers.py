"""``POST /offers``: prices and stock between releases. What was acknowledged is in the next answer."""

import logging
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cached_property
from threading import Lock
from typing import Annotated, Any, NamedTuple, Self

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field, model_validator

from goeswith.profile import Profile
from goeswith.results import write_json
from goeswith_client import Client, FeaturesUnavailable
from goeswith_client.limits import MAX_EVENTS
from goeswith_client.offers import LAST, VIEW
from serving.gateway.bodies import GivenId

logger = logging.getLogger(__name__)

Written = tuple[Any, dict[str, Any], datetime, None]
"""A row as Feast writes it: entity key, values, when, nothing."""
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

    offers: list[Offer] = Field(min_length=1, max_length=MAX_EVENTS)


class Pushed(BaseModel):
    """How many offers hold from now on; ``unknown`` are the items that the shop's release does not know, whose offers were left out."""

    taken: int
    unknown: list[str]


class _Online(NamedTuple):
    """Feast's provider, its settings, and the view that is written."""

    provider: Any
    config: Any
    view: Any


class Shelf:
    """Writes offers to the online store, each feature of its own: a price that is pushed leaves alone what was pushed of the stock."""

    def __init__(self, profile: Profile, client: Client) -> None:
        self._folder, self._client, self._lock = profile.features, client, Lock()

    @cached_property
    def _online(self) -> _Online:
        from feast import FeatureStore
        from feast.infra.provider import get_provider

        store = FeatureStore(repo_path=str(self._folder))
        return _Online(get_provider(store.config), store.config, store.get_feature_view(VIEW))

    def push(self, offers: Sequence[Offer]) -> Pushed:
        """Write the offers of known items. Raises ``FeaturesUnavailable`` where the store is away or was materialised before it knew offers."""
        known = self._client.features.items(list(dict.fromkeys(offer.item_id for offer in offers)))
        taken = [offer for offer in offers if offer.item_id in known]
        if taken:
            self._write(list(_rows(taken, time.time())))
        return Pushed(taken=len(taken), unknown=sorted({offer.item_id for offer in offers} - set(known)))

    def _write(self, rows: list[Written]) -> None:
        with self._lock:
            try:
                self._write_twice(rows)
            except Exception as error:  # each online store has errors of its own
                logger.warning("offers were not written", exc_info=True)
                raise FeaturesUnavailable(f"the online store took no offers: {type(error).__name__}", "run: goeswith run publish") from error
            write_json(self._folder / LAST, {"last": time.time()})

    def _write_twice(self, rows: list[Written]) -> None:
        """Write; where a connection that stood fails, another is opened: not all stores mend one that broke."""
        stood = "_online" in self.__dict__
        try:
            self._online.provider.online_write_batch(self._online.config, self._online.view, rows, None)
        except Exception:
            self.__dict__.pop("_online", None)
            if not stood:
                raise
            self._write_twice(rows)


def _rows(offers: Sequence[Offer], now: float) -> Iterator[Written]:
    from feast.protos.feast.types.EntityKey_pb2 import EntityKey
    from feast.protos.feast.types.Value_pb2 import Value

    at = datetime.fromtimestamp(now, UTC)
    for offer in offers:
        values: dict[str, Any] = {}
        if offer.price is not None:
            values |= {"price": Value(double_val=offer.price), "priced_at": Value(double_val=now), "currency": Value(string_val=offer.currency or "")}
        if offer.available is not None:
            values |= {"available": Value(bool_val=offer.available), "stocked_at": Value(double_val=now)}
        yield EntityKey(join_keys=["item_id"], entity_values=[Value(string_val=offer.item_id)]), values, at, None


def add_offers(app: FastAPI, shelf: Shelf) -> None:
    """Add the route."""

    @app.post("/offers")
    def push(pushed: Offers) -> Pushed:
        """Take prices and stock. They hold in every answer from now on, until a release that is made after them."""
        return shelf.push(pushed.offers)
