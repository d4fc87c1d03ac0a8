"""The table that holds what became of answers."""

import pyarrow as pa

from goeswith.catalogue.rules import Between, OneOf
from goeswith.catalogue.schema import STRINGS, TIMESTAMP, Layer, Table, Writer, field

FEEDBACK = Table(
    name="feedback",
    doc="What became of answers, as callers told the gateway: shown, clicked, put into a cart, bought. Never released: readers take its newest rows.",
    layer=Layer.CONTROL,
    writer=Writer.SPARK,
    owner="behaviour team",
    key=("day", "event_id"),
    partition_by=("day",),
    event_time="happened_at",
    schema=pa.schema(
        [
            field("day", pa.string(), "the day (UTC) on which it happened, as 2026-01-31"),
            field("event_id", pa.string(), "keyed hash of the sender's id: an event that is sent twice counts once"),
            field("kind", pa.string(), "exposure, click, cart or purchase"),
            field("answer_id", pa.string(), "the answer that it is about; null of a purchase that names none", null=True),
            field("unit", pa.string(), "keyed hash of whom the answer was asked for; of a user's id it is the user_id of events"),
            field("basket_id", pa.string(), "keyed hash of the session or order, or of unit and day; null of an exposure", null=True),
            field("item_id", pa.string(), "the item; null of an exposure", null=True),
            field("position", pa.int32(), "its place in the answer, from 1", null=True),
            field("quantity", pa.int32(), "pieces bought", unit="pieces", null=True),
            field("price", pa.float64(), "price paid a piece", unit="currency", null=True),
            field("happened_at", TIMESTAMP, "when, by the sender's clock"),
            field("received_at", TIMESTAMP, "when the gateway took it"),
            field("items", STRINGS, "what an exposure showed, best first", null=True),
            field("query", STRINGS, "what the shown answer is about", null=True),
            field("type", pa.string(), "the shown answer's type", null=True),
            field("source", pa.string(), "the shown answer's source", null=True),
            field("model_version", pa.string(), "the shown answer's models", null=True),
            field("unsure", pa.bool_(), "whether no item that was shown reached its model's threshold", null=True),
            field("experiment", pa.string(), "the experiment that the answer was made in", null=True),
            field("arm", pa.string(), "the unit's arm of it, computed again when the event came", null=True),
            field("segment", pa.string(), "the segment of the buffer that brought it"),
        ]
    ),
    rules=(
        OneOf(column="kind", values=("exposure", "click", "cart", "purchase")),
        Between(column="position", low=1, high=200),
        Between(column="quantity", low=1, high=100_000),
        Between(column="price", low=0.0, high=1e7),
    ),
)
