"""Item cards: one value says of an item what the client's ``Item`` holds, and nothing less."""

import pyarrow as pa

from feature_repo.cards import CARD, FIELDS, build_cards
from feature_repo.slices import ItemCards
from goeswith.catalogue import find_table
from goeswith.profile import Profile
from goeswith_client import Item
from tests.tiny_shop import NOW, item_rows

CARDS = ItemCards(find_table("items"), {})


def test_a_card_reads_back_as_the_item(profile: Profile) -> None:
    rows = [{**row, "updated_at": NOW} for row in item_rows(profile)]
    rows[0] |= {"title": 'a "quoted" \\ title\n✓', "brand": None, "price": None, "available": False}
    found = build_cards(pa.RecordBatch.from_pylist(rows, find_table("items").schema), CARDS.schema)
    assert [Item.model_validate_json(card) for card in found[CARD].to_pylist()] == [
        Item.model_validate({name: row[name] for name in FIELDS}) for row in rows
    ]


def test_cards_hold_all_that_the_client_shows() -> None:
    assert set(FIELDS) == set(Item.model_fields)
    assert CARDS.features == (CARD,)
    assert CARDS.online
