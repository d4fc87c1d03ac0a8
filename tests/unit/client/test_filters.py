"""Filters read the item as the shop does."""

import pytest

from goeswith_client import Filters, Item

ITEM = Item(item_id="a", brand="Acme", category=("sport", "racket"), price=10.0, available=False)


@pytest.mark.parametrize(
    ("filters", "accepted"),
    [
        ({}, True),
        ({"in_stock": True}, False),
        ({"max_price": 10.0}, True),
        ({"max_price": 9.99}, False),
        ({"category": "sport"}, True),
        ({"category": "racket"}, True),
        ({"category": "sport > racket"}, True),
        ({"category": "rack"}, False),
        ({"brand": "Acme"}, True),
        ({"brand": "acme"}, False),
    ],
)
def test_an_item_is_accepted_where_all_filters_hold(filters: dict[str, object], accepted: bool) -> None:
    assert Filters.model_validate(filters).accept(ITEM) is accepted


def test_an_unknown_price_is_not_below_the_maximum() -> None:
    assert not Filters(max_price=100).accept(ITEM.model_copy(update={"price": None}))
