"""Tables that hold what came in: items, events, bundles, declared relations, holdout, quarantine."""

from datetime import timedelta

import pyarrow as pa

from goeswith.catalogue.rules import Between, Differ, HasRows, OneOf, References, RowCountChange, drifts, null_rates, row_counts
from goeswith.catalogue.schema import STRINGS, TIMESTAMP, Layer, Table, Writer, field

ATTRIBUTES = pa.list_(pa.struct([pa.field("name", pa.string()), pa.field("value", pa.string())]))

KNOWN_AT = field("known_at", TIMESTAMP, "when the row became known in the shop's own time; 1970-01-01 where the source has no times")
UPDATED_AT = field("updated_at", TIMESTAMP, "when the content of the row last changed in the lake")

ITEMS = Table(
    name="items",
    doc="The catalogue of the shop: one row an item that passed ingest.",
    layer=Layer.SOURCE,
    writer=Writer.SPARK,
    owner="catalogue team",
    key=("item_id",),
    event_time="known_at",
    freshness=timedelta(days=2),
    schema=pa.schema(
        [
            field("item_id", pa.string(), "the shop's own id"),
            field("title", pa.string(), "name as shown, HTML entities decoded", null=True),
            field("description", pa.string(), "longer text", null=True),
            field("brand", pa.string(), "brand or maker", null=True),
            field("category", STRINGS, "category path, broadest first", null=True),
            field("attributes", ATTRIBUTES, "further attributes that the source declares, by name", null=True),
            field("price", pa.float64(), "price", unit="currency", null=True),
            field("currency", pa.string(), "ISO 4217 code, or 'unit' where the source gives a scaled price", null=True),
            field("image", pa.string(), "reference into the picture store", null=True),
            field("available", pa.bool_(), "in stock, as far as the source says"),
            field("variant_of", pa.string(), "the product that this item is a colour or size of", null=True),
            field("same_title_as", pa.string(), "smallest item_id of those with nearly the same title; null where there is no other", null=True),
            KNOWN_AT,
            UPDATED_AT,
        ]
    ),
    rules=(
        HasRows(severity="stop"),
        Between(column="price", low=0.0, high=1e7),
        *row_counts(),
        *null_rates("title", "category", "price", "image"),
        *drifts("category", "price"),
    ),
)

EVENTS = Table(
    name="events",
    doc="What users did: one row an item in a basket (purchase) or a session (view), or taken out of a basket again (return).",
    layer=Layer.SOURCE,
    writer=Writer.SPARK,
    owner="behaviour team",
    key=("event_id",),
    event_time="happened_at",
    schema=pa.schema(
        [
            field("event_id", pa.string(), "hash of kind, basket, user, item, time, quantity and price where the source has no id"),
            field("basket_id", pa.string(), "the basket (purchase, return) or session (view) that the event belongs to"),
            field("user_id", pa.string(), "keyed hash of the source's user id", null=True),
            field("item_id", pa.string(), "the item"),
            field("kind", pa.string(), "purchase, view, or return: pieces of an item taken out of a basket again"),
            field("quantity", pa.int32(), "pieces; 0 where the event was cancelled, which then counts for nothing", unit="pieces"),
            field("price", pa.float64(), "price paid a piece", unit="currency", null=True),
            field("happened_at", TIMESTAMP, "when; null where the source has no times", null=True),
            field("recorded_at", TIMESTAMP, "when the shop recorded this state of the event; of two states the later one stands", null=True),
            UPDATED_AT,
        ]
    ),
    rules=(
        OneOf(column="kind", values=("purchase", "view", "return")),
        Between(column="quantity", low=0, high=100_000),
        Between(column="price", low=0.0, high=1e7),
        References(column="item_id", table="items", to="item_id"),
        *row_counts("kind"),
        *null_rates("user_id", "price", "happened_at"),
        *drifts("price"),
    ),
)

BUNDLES = Table(
    name="bundles",
    doc="Sets of items that somebody put together or sold together: one row an item of a bundle.",
    layer=Layer.SOURCE,
    writer=Writer.SPARK,
    owner="merchandising",
    key=("bundle_id", "item_id"),
    event_time="known_at",
    schema=pa.schema(
        [
            field("bundle_id", pa.string(), "the bundle"),
            field("item_id", pa.string(), "an item of it"),
            field("group_id", pa.string(), "the session or author that it came from: a split never cuts through a group"),
            field("title", pa.string(), "its name or intent", null=True),
            field("origin", pa.string(), "curated or sold"),
            KNOWN_AT,
            UPDATED_AT,
        ]
    ),
    rules=(
        OneOf(column="origin", values=("curated", "sold")),
        References(column="item_id", table="items", to="item_id"),
        *row_counts(),
    ),
)

DECLARED_RELATIONS = Table(
    name="declared_relations",
    doc="Edges that a source brings itself; no events are invented for them.",
    layer=Layer.SOURCE,
    writer=Writer.SPARK,
    owner="behaviour team",
    key=("kind", "src", "dst", "source"),
    schema=pa.schema(
        [
            field("kind", pa.string(), "the source's own name of the relation"),
            field("src", pa.string(), "from item"),
            field("dst", pa.string(), "to item"),
            field("source", pa.string(), "which source declares it"),
            UPDATED_AT,
        ]
    ),
    rules=(
        OneOf(column="kind", values=("also_bought", "also_viewed", "bought_together", "type_1", "type_2")),
        Differ(left="src", right="dst"),
        References(column="src", table="items", to="item_id"),
        References(column="dst", table="items", to="item_id"),
        *row_counts("kind"),
    ),
)

HOLDOUT = Table(
    name="holdout",
    doc="What is reserved for evaluation, written before anything is counted; the evaluation graph leaves it out.",
    layer=Layer.SOURCE,
    writer=Writer.SPARK,
    owner="evaluation",
    key=("kind", "id"),
    schema=pa.schema(
        [
            field("kind", pa.string(), "what the id names"),
            field("id", pa.string(), "basket_id, bundle_id, item_id, or 'relation|src|dst' of an edge (both directions are held out)"),
            field("split", pa.string(), "validation (choices are made on it), test (used once), or later than both (used for nothing)"),
            field("reason", pa.string(), "the rule that reserved it"),
            UPDATED_AT,
        ]
    ),
    rules=(
        OneOf(column="kind", values=("basket", "bundle", "edge", "item")),
        OneOf(column="split", values=("validation", "test", "later")),
        *row_counts("kind"),
    ),
)

QUARANTINE = Table(
    name="quarantine",
    doc="Every refused row as it came, with the rule that it broke: rows in = kept + quarantined + duplicates.",
    layer=Layer.SOURCE,
    writer=Writer.SPARK,
    owner="data quality",
    key=("source", "row_hash"),
    schema=pa.schema(
        [
            field("source", pa.string(), "the source that it came from"),
            field("row_hash", pa.string(), "sha256 of target table, row and position"),
            field("target", pa.string(), "the table that it was meant for, or 'pictures'"),
            field("row", pa.string(), "the row as it came, as JSON; user ids hashed, undecodable bytes escaped"),
            field("fields", pa.string(), "the same under the catalogue's names, as JSON: what a replay reads; hashed ids are marked", null=True),
            field("rule", pa.string(), "the rule that it broke"),
            field("detail", pa.string(), "the column and value that broke it"),
            UPDATED_AT,
        ]
    ),
    rules=(RowCountChange(high=2.0),),
)
