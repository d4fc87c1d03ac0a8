"""What sells best in each category: the last answer of the client where no model and no neighbour has one."""

import pyarrow as pa
from deltalake import QueryBuilder

from goeswith import lake
from goeswith.profile import Profile

TOP = 50
WHOLE_SHOP = ""

_SOLD = f"""
WITH sold AS (
    SELECT item_id, sum(CASE WHEN kind = 'return' THEN -quantity ELSE quantity END) AS pieces
    FROM events WHERE kind IN ('purchase', 'return') GROUP BY item_id HAVING pieces > 0
), placed AS (
    SELECT item_id, pieces, '{WHOLE_SHOP}' AS category FROM sold
    UNION ALL
    SELECT i.item_id, s.pieces, unnest(i.category) AS category FROM items AS i INNER JOIN sold AS s ON i.item_id = s.item_id
), ranked AS (
    SELECT *, row_number() OVER (PARTITION BY category ORDER BY pieces DESC, item_id) AS place FROM placed
)
SELECT category, item_id FROM ranked WHERE place <= {TOP} ORDER BY category, place
"""  # noqa: S608 - constants of this module


def build_bestsellers(profile: Profile, *, items: int, events: int | None) -> dict[str, list[str]]:
    """Return the ``TOP`` items by pieces sold of each category and, under '', of the whole shop; {} without events.

    ``items`` and ``events`` are the tables' versions. The result grows with the number of categories only.
    """
    if events is None:
        return {}
    query = QueryBuilder().register("items", lake.open_table(profile, "items", items)).register("events", lake.open_table(profile, "events", events))
    found = pa.RecordBatchReader.from_stream(query.execute(_SOLD)).read_all()
    best: dict[str, list[str]] = {}
    for category, item in zip(found["category"].to_pylist(), found["item_id"].to_pylist(), strict=True):
        best.setdefault(category, []).append(item)
    return best
