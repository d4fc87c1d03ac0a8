"""The table of item sets: three or more items that are often bought in one basket."""

import pyarrow as pa

from goeswith.catalogue.graph import GRAPH, GRAPHS
from goeswith.catalogue.rules import Between, OneOf, row_counts
from goeswith.catalogue.schema import STRINGS, TIMESTAMP, Layer, Table, Writer, field
from goeswith.catalogue.sources import UPDATED_AT

ITEM_SETS = Table(
    name="item_sets",
    doc="Closed frequent sets of three and more items over purchase baskets: candidates for bundles that nobody curated.",
    layer=Layer.GRAPH,
    writer=Writer.SPARK,
    owner="graph team",
    key=("graph", "set_id"),
    partition_by=("graph",),
    event_time="known_at",
    schema=pa.schema(
        [
            GRAPH,
            field("set_id", pa.string(), "sha256 of the sorted item ids as a JSON array"),
            field("items", STRINGS, "item ids, sorted"),
            field("size", pa.int32(), "how many items", unit="items"),
            field("n", pa.int64(), "baskets that hold all of them", unit="baskets"),
            field("n_total", pa.int64(), "all baskets that were counted", unit="baskets"),
            field("lift", pa.float64(), "n / n_total over the product of the items' own shares: how much more often than if none knew the others"),
            field(
                "known_at", TIMESTAMP, "the last counted basket's time, since n_total and lift rest on all; 1970-01-01 where the source has no times"
            ),
            UPDATED_AT,
        ]
    ),
    rules=(
        OneOf(column="graph", values=GRAPHS),
        Between(column="size", low=3),
        Between(column="n", low=1),
        Between(column="n_total", low=1),
        Between(column="lift", low=0.0),
        *row_counts("graph"),
    ),
)
