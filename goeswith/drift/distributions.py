"""How far distributions are from those of the reference: of items, events, edges and the models' own scores."""

from collections.abc import Iterator

from goeswith.drift.counting import TAIL, Distribution, Side, count_numbers, count_values, even_bins, log_bins
from goeswith.drift.psi import SMALL_SHARE, Histogram, drift_of_numbers, drift_of_values
from goeswith.drift.verdicts import Compared, Measure

LEAST_EXPECTED = 20
"""Rows of either side that a value must stand for to have a bin of its own: the index of thinner bins is mostly chance."""

MOST_PARTS = 10
"""Parts that are measured, the largest first."""


def _missing(name: str, condition: str) -> Distribution:
    return Distribution(kind="items", name=name, bins=f"CASE WHEN {condition} THEN 'without' ELSE 'with' END", numbers=False)


def _length(column: str) -> Distribution:
    return Distribution(kind="items", name=f"{column}_length", bins=log_bins(f"character_length({column})"), where=f"{column} IS NOT NULL")


def _edge(column: str, bins: str) -> Distribution:
    return Distribution(kind="edges", name=column, bins=bins, part="type", where=f"graph = 'full' AND {column} IS NOT NULL")


_PATH = "array_to_string(category, ' > ')"
_NO_CATEGORY = "category IS NULL OR cardinality(category) = 0"
_BASKETS = "(SELECT basket_id, count(DISTINCT item_id) AS size FROM t WHERE kind = 'purchase' AND {window} GROUP BY basket_id)"
_SCORES = "(SELECT type, neighbour['score'] AS score FROM (SELECT type, unnest(neighbours) AS neighbour FROM t))"

ITEMS = (
    Distribution(kind="items", name="price", bins=log_bins("price"), part="coalesce(currency, '')", where="price IS NOT NULL"),
    Distribution(kind="items", name="currency", bins="currency", where="currency IS NOT NULL", numbers=False),
    _length("title"),
    _length("description"),
    Distribution(kind="items", name="category", bins=_PATH, where=f"NOT ({_NO_CATEGORY})", numbers=False),
    Distribution(kind="items", name="department", bins="category[1]", where=f"NOT ({_NO_CATEGORY})", numbers=False),
    Distribution(kind="items", name="brand", bins="brand", where="brand IS NOT NULL", numbers=False),
    _missing("without_picture", "image IS NULL"),
    _missing("without_price", "price IS NULL"),
    _missing("without_category", _NO_CATEGORY),
    _missing("without_brand", "brand IS NULL"),
    Distribution(kind="items", name="available", bins="CASE WHEN available THEN 'yes' ELSE 'no' END", numbers=False),
)
EVENTS = (
    Distribution(kind="events", name="kind", bins="kind", numbers=False),
    Distribution(kind="events", name="basket_size", bins="CAST(least(size, 100) AS BIGINT)", rows=_BASKETS),
)
EDGES = (_edge("weight", even_bins("weight")), _edge("npmi", even_bins("npmi")), _edge("lift", log_bins("lift")))
SCORES = (Distribution(kind="scores", name="score", bins=even_bins("score"), part="type", rows=_SCORES),)


def compare_distributions(wanted: Distribution, before: Side, after: Side, compared: Compared) -> Iterator[Measure]:
    """Yield a measure for each part of a distribution that either side has, but for parts beyond the largest."""
    then, now = _counted(wanted, before, after)
    sizes = {part: sum(then.get(part, {}).values()) + sum(now.get(part, {}).values()) for part in {*then, *now}}
    for part in sorted(sizes, key=lambda part: (-sizes[part], part))[:MOST_PARTS]:
        counts = then.get(part, {}), now.get(part, {})
        rows = min(sum(histogram.values()) for histogram in counts)
        value = drift_of_numbers(*counts) if wanted.numbers else drift_of_values(*counts, small_share(rows))
        yield Measure(kind=wanted.kind, name=wanted.name, part=part, compared=compared, value=value, rows=rows)


def _counted(wanted: Distribution, before: Side, after: Side) -> tuple[dict[str, Histogram], dict[str, Histogram]]:
    if wanted.numbers:
        return count_numbers(before, wanted), count_numbers(after, wanted)
    then = count_values(before, wanted)
    return {"": then}, {"": count_values(after, wanted, [value for value in then if value != TAIL])}


def small_share(rows: int) -> float:
    """Return the share of the reference from which on a value has a bin of its own."""
    return max(SMALL_SHARE, LEAST_EXPECTED / rows) if rows else 1.0
