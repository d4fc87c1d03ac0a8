"""Tables around training: its only feature input, and what the models say about every item."""

from datetime import timedelta

import pyarrow as pa

from goeswith.catalogue.graph import GRAPH, GRAPHS, RELATION_TYPES
from goeswith.catalogue.rules import OneOf, References, row_counts
from goeswith.catalogue.schema import STRINGS, TIMESTAMP, Layer, Table, Writer, field
from goeswith.catalogue.sources import KNOWN_AT, UPDATED_AT

NEIGHBOURS = pa.list_(
    pa.struct(
        [
            pa.field("item_id", pa.string()),
            pa.field("score", pa.float32()),
            pa.field("source", pa.string()),
            pa.field("reason", pa.string()),
        ]
    )
)

TRAINING_SETS = Table(
    name="training_sets",
    doc="Point-in-time features of items and item pairs, through Feast: training's only feature input. Runs stay when an item leaves the shop.",
    layer=Layer.LEARNED,
    writer=Writer.FEATURES,
    owner="models team",
    key=("run", "row"),
    partition_by=("run",),
    schema=pa.schema(
        [
            field("run", pa.string(), "the run that retrieved it"),
            field("row", pa.int64(), "position within the run"),
            GRAPH,
            field("kind", pa.string(), "item or pair"),
            field("as_of", TIMESTAMP, "no feature in the row became known later than this"),
            field("item_id", pa.string(), "the item, or the pair's src"),
            field("dst", pa.string(), "the pair's dst", null=True),
            field("title", pa.string(), "item feature", null=True),
            field("description", pa.string(), "item feature", null=True),
            field("brand", pa.string(), "item feature", null=True),
            field("category", STRINGS, "item feature", null=True),
            field("attributes_name", STRINGS, "item feature: names of the further attributes", null=True),
            field("attributes_value", STRINGS, "item feature: their values, in the same order", null=True),
            field("price", pa.float64(), "item feature", null=True, unit="currency"),
            field("image", pa.string(), "item feature: reference into the picture store", null=True),
            field("variant_of", pa.string(), "item feature", null=True),
            field("type", pa.string(), "pair label: substitute or complement", null=True),
            field("weight", pa.float64(), "pair feature", null=True),
            field("relation", pa.string(), "pair feature", null=True),
            field("n", pa.int64(), "pair feature", null=True, unit="baskets"),
            field("npmi", pa.float64(), "pair feature", null=True),
            field("lift", pa.float64(), "pair feature", null=True),
            field("p_type", pa.float64(), "pair feature: the verdict's probability", null=True),
            field("first_seen", TIMESTAMP, "pair feature", null=True),
            field("recency", pa.float64(), "pair feature", null=True),
            field("season_cos", pa.float64(), "pair feature", null=True),
            field("season_sin", pa.float64(), "pair feature", null=True),
        ]
    ),
    rules=(
        OneOf(column="graph", values=GRAPHS),
        OneOf(column="kind", values=("item", "pair")),
        OneOf(column="type", values=RELATION_TYPES),
    ),
)

ITEM_EMBEDDINGS = Table(
    name="item_embeddings",
    doc="A vector of every item from every published model.",
    layer=Layer.LEARNED,
    writer=Writer.TRAINING,
    owner="models team",
    key=("model", "item_id"),
    partition_by=("model",),
    event_time="known_at",
    freshness=timedelta(days=7),
    schema=pa.schema(
        [
            field("model", pa.string(), "cirp or mmsc"),
            field("item_id", pa.string(), "the item"),
            field("vector", pa.list_(pa.float32()), "L2-normalised"),
            field("modalities", STRINGS, "what it was made from: text, image, behaviour"),
            field("model_version", pa.string(), "the run that trained the model"),
            field("release", pa.string(), "the release whose tables it was made from"),
            field("made_from", pa.string(), "fingerprint of the model, text and picture behind it; null where all items are behind it", null=True),
            KNOWN_AT,
            UPDATED_AT,
        ]
    ),
    rules=(OneOf(column="model", values=("cirp", "mmsc")), References(column="item_id", table="items", to="item_id"), *row_counts("model")),
)

ITEM_NEIGHBOURS = Table(
    name="item_neighbours",
    doc="The best substitutes and complements of every item, ready to serve.",
    layer=Layer.LEARNED,
    writer=Writer.TRAINING,
    owner="models team",
    key=("type", "item_id"),
    partition_by=("type",),
    event_time="known_at",
    freshness=timedelta(days=7),
    schema=pa.schema(
        [
            field("type", pa.string(), "substitute or complement"),
            field("item_id", pa.string(), "the query item"),
            field(
                "neighbours",
                NEIGHBOURS,
                "in order, complements kind by kind: item, score in [0, 1], source (behaviour, cold_start or content) and reason",
            ),
            field("threshold", pa.float32(), "least score that is sure: one random item in a thousand has it; null: none was learned", null=True),
            field("model_version", pa.string(), "the run that trained the model"),
            field("release", pa.string(), "the release whose tables it was made from"),
            KNOWN_AT,
            UPDATED_AT,
        ]
    ),
    rules=(OneOf(column="type", values=RELATION_TYPES), References(column="item_id", table="items", to="item_id"), *row_counts("type")),
)
