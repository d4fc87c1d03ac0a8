"""How many of the items that can be bought have a released list, now and in the reference."""

from collections.abc import Iterator, Mapping

from goeswith import lake
from goeswith.catalogue.graph import RELATION_TYPES
from goeswith.drift.shares import count_rate, with_difference
from goeswith.drift.verdicts import Compared, Measure
from goeswith.experiments.estimates import Rate
from goeswith.profile import Profile

NEEDED = ("items", "item_neighbours")
_LISTED = """
SELECT count(*) AS items, sum(CASE WHEN listed.item_id IS NULL THEN 0 ELSE 1 END) AS listed
FROM items LEFT JOIN (SELECT item_id FROM lists WHERE type = {type} AND cardinality(neighbours) > 0) AS listed ON items.item_id = listed.item_id
WHERE items.available
"""


def measure_coverage(profile: Profile, before: Mapping[str, int], after: Mapping[str, int], compared: Compared) -> Iterator[Measure]:
    """Yield a measure a relation; ``before`` and ``after`` are versions by table."""
    for relation in RELATION_TYPES:
        then, now = (_covered(profile, versions, relation) for versions in (before, after))
        empty = Measure(kind="coverage", name="listed", part=relation, compared=compared, value=None, rows=min(then.units, now.units))
        yield with_difference(empty, then, now)


def _covered(profile: Profile, versions: Mapping[str, int], relation: str) -> Rate:
    tables = {"items": ("items", versions["items"]), "lists": ("item_neighbours", versions["item_neighbours"])}
    sql = _LISTED.format(type=lake.quote_text(relation))
    (row,) = (row for batch in lake.query_versions(profile, tables, sql) for row in batch.to_pylist())
    return count_rate(row["listed"] or 0, row["items"])
