"""Item cards: what an answer says of an item, as one value.

Feast's stores hold a value a feature: an item of a dozen columns is a dozen reads and parses, and an answer hydrates many items. As one JSON text
it is one; the columns stay beside it for readers that want some of them.
"""

import json

import pyarrow as pa

from goeswith.catalogue import find_table

CARD = "card"
FIELDS = ("item_id", "title", "brand", "category", "price", "currency", "image", "available", "variant_of")
"""What the client's ``Item`` holds."""


def card_schema(times: tuple[str, ...]) -> pa.Schema:
    """Return item, card and the columns of the table that say when it was known."""
    items = find_table("items").schema
    card = pa.field(CARD, pa.string(), nullable=False, metadata={"doc": f"JSON of {', '.join(FIELDS)}"})
    return pa.schema([items.field("item_id"), card, *(items.field(name) for name in times)])


def build_cards(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Return the rows of ``items`` as cards."""
    cards = pa.array([json.dumps(row, ensure_ascii=False) for row in batch.select(FIELDS).to_pylist()], pa.string())
    return pa.RecordBatch.from_arrays([cards if name == CARD else batch[name] for name in schema.names], schema=schema)
