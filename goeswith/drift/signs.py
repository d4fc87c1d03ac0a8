"""What is measured: what each figure means, what to do where it moved, and by which limit it is judged."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from goeswith.drift.limits import LimitName

Worse = Literal["higher", "lower"]
TABLES = {
    "items": "items",
    "events": "events",
    "edges": "relations",
    "scores": "item_neighbours",
    "coverage": "item_neighbours",
    "reactions": "feedback",
}
"""Kind -> the table that is measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """One thing that is measured."""

    means: str
    remedy: str
    limit: LimitName
    worse: Worse = "higher"


_TRAIN = "if the shop did change: goeswith run train"
_FEED = "look at the feed first: what is learnt from a broken one stays learnt"
_GRAPH = f"look at the last run of the DAG graph; {_TRAIN}"


def _learnt(means: str, remedy: str = _TRAIN) -> Sign:
    return Sign(means=means, remedy=remedy, limit="distribution")


def _fed(what: str) -> Sign:
    return Sign(means=f"another share of items comes without {what}", remedy=_FEED, limit="feed")


SIGNS: Mapping[tuple[str, str], Sign] = {
    ("items", "price"): _learnt("prices lie elsewhere", "see whether the currency or the tax changed; " + _TRAIN),
    ("items", "currency"): _learnt("other currencies", _FEED),
    ("items", "title_length"): _learnt("titles are longer or shorter"),
    ("items", "description_length"): _learnt("descriptions are longer or shorter"),
    ("items", "category"): _learnt("items lie in other categories", "see whether categories were renamed; " + _TRAIN),
    ("items", "department"): _learnt("items lie in other categories of the broadest kind", "see whether categories were renamed; " + _TRAIN),
    ("items", "brand"): _learnt("items are of other brands"),
    ("items", "without_picture"): _fed("a picture"),
    ("items", "without_price"): _fed("a price"),
    ("items", "without_category"): _fed("a category"),
    ("items", "without_brand"): _fed("a brand"),
    ("items", "available"): Sign(means="another share of items is in stock", remedy=_FEED, limit="feed"),
    ("events", "kind"): _learnt("another mix of purchases, views and returns", "see whether all kinds still come; " + _TRAIN),
    ("events", "basket_size"): _learnt("baskets are larger or smaller"),
    ("events", "per_day"): Sign(means="fewer events a day", remedy="see whether the stream still comes whole", limit="traffic", worse="lower"),
    ("events", "new_items"): Sign(
        means="share of events about items that training did not know", remedy="goeswith run embed; then goeswith run train", limit="new_items"
    ),
    ("edges", "weight"): _learnt("edges are stronger or weaker", _GRAPH),
    ("edges", "npmi"): _learnt("items meet more or less often than by chance", _GRAPH),
    ("edges", "lift"): _learnt("items meet more or less often than by chance", _GRAPH),
    ("scores", "score"): _learnt("the released lists score otherwise than right after training", "goeswith run train"),
    ("coverage", "listed"): Sign(means="fewer available items have a list", remedy="goeswith run embed", limit="answers", worse="lower"),
    ("reactions", "clicks"): Sign(
        means="fewer clicks an answer", remedy="see goeswith rollout history and the page that shows them", limit="reactions", worse="lower"
    ),
    ("reactions", "purchases"): Sign(
        means="fewer purchases an answer", remedy="see goeswith rollout history, prices and stock", limit="reactions", worse="lower"
    ),
    ("reactions", "fallbacks"): Sign(
        means="more answers are bestsellers of a category", remedy="docs/operations.md#goeswithfallbacks", limit="answers"
    ),
}
"""(kind, name) -> what it is."""
