"""Offers say something that can be, about items that the shop knows, and come from whoever has a key for it."""

from pathlib import Path
from typing import Any

import pytest

from serving.gateway.keys import Keys
from tests.tiny_gateway import bearer, tiny_gateway

WRONG: list[dict[str, Any]] = [
    {},
    {"price": -1},
    {"price": float("inf")},
    {"price": 1.0, "currency": "euro"},
    {"currency": "EUR"},
    {"currency": "EUR", "available": True},
    {"available": "perhaps"},
    {"price": 1.0, "stock": 3},
]


@pytest.mark.parametrize("offer", WRONG)
def test_an_offer_that_cannot_be_is_refused_and_says_where(offer: dict[str, Any]) -> None:
    sent = str({"offers": [{"item_id": "i1", **offer}]}).replace("'", '"').replace("True", "true").replace("inf", "1e999")
    refused = tiny_gateway().post("/offers", content=sent, headers={"Content-Type": "application/json"})
    assert refused.status_code == 422
    assert "offers.0" in refused.json()["what"]


def test_offers_of_items_that_nobody_knows_are_named_and_nothing_is_written(tmp_path: Path) -> None:
    found = tiny_gateway(home=tmp_path).post("/offers", json={"offers": [{"item_id": "nowhere", "price": 1.0}]})
    assert (found.status_code, found.json()) == (200, {"taken": 0, "unknown": ["nowhere"]})
    assert not (tmp_path / "features" / "offers.json").exists()


def test_a_store_that_takes_none_is_said_to_be_away(tmp_path: Path) -> None:
    refused = tiny_gateway(home=tmp_path).post("/offers", json={"offers": [{"item_id": "i1", "price": 1.0}]})
    assert (refused.status_code, refused.json()["error"]) == (503, "FeaturesUnavailable")
    assert not (tmp_path / "features" / "offers.json").exists()


def test_offers_need_a_key_of_their_own(tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    asking, offering = bearer(keys, "ask", "events", name="asks"), bearer(keys, "offers", name="offers")
    gateway, body = tiny_gateway(keys=Keys(keys)), {"offers": [{"item_id": "nowhere", "price": 1.0}]}
    assert [gateway.post("/offers", json=body, headers=shown).status_code for shown in ({}, asking, offering)] == [401, 403, 200]
