"""What a shop's people say about answers."""

import pyarrow as pa

from goeswith.catalogue.rules import Between, OneOf
from goeswith.catalogue.schema import TIMESTAMP, Layer, Table, Writer, field

MERCHANDISING_RULES = Table(
    name="merchandising_rules",
    doc="Pins, bans and categories that are kept apart: who added each rule, when and why, and who removed it. A rule is never changed, "
    "its row never removed, its id never given again: the table is its own history (docs/rules.md).",
    layer=Layer.CONTROL,
    writer=Writer.SERVING,
    owner="merchandising",
    key=("rule_id",),
    schema=pa.schema(
        [
            field("rule_id", pa.string(), "r and a number that grows"),
            field("kind", pa.string(), "pin, ban, ban_category or sensitive_category"),
            field("query_item", pa.string(), "the item whose answers it is about; '' for others' too"),
            field("query_category", pa.string(), "the category that it is about the answers of: a name of a path, or its beginning; '' for all"),
            field("item", pa.string(), "the item that is pinned or banned; '' in rules about categories"),
            field("category", pa.string(), "the category that is kept apart, or sensitive; '' in rules about items"),
            field("type", pa.string(), "the answers it is about: all, substitute, complement or bundle"),
            field("position", pa.int64(), "the place of a pin, from 1", null=True),
            field("both_ways", pa.bool_(), "whether two categories are kept apart in either's answers"),
            field("text", pa.string(), "what customers may read beside a pinned item"),
            field("valid_from", TIMESTAMP, "when it begins to hold; null: at once", null=True),
            field("valid_until", TIMESTAMP, "when it ends; null: when it is removed", null=True),
            field("created_at", TIMESTAMP, "when it was added"),
            field("created_by", pa.string(), "who added it: a login name, or the name of a gateway's key"),
            field("why", pa.string(), "why it was added"),
            field("removed_at", TIMESTAMP, "when it was removed; null while it stands", null=True),
            field("removed_by", pa.string(), "who removed it", null=True),
            field("removed_why", pa.string(), "why it was removed", null=True),
        ]
    ),
    rules=(
        OneOf(column="kind", values=("pin", "ban", "ban_category", "sensitive_category")),
        OneOf(column="type", values=("all", "substitute", "complement", "bundle")),
        Between(column="position", low=1),
    ),
)
