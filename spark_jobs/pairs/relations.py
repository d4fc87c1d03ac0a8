"""The relations that are counted: what their units are, how their meetings are found, and their codes in the ledger."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal

from goeswith.catalogue.graph import SUBSTITUTE, TYPE_OF
from spark_jobs.pairs.browsing import count_browsing
from spark_jobs.pairs.kernel import Found, Limits, count_baskets
from spark_jobs.pairs.timelines import count_timelines
from spark_jobs.pairs.units import Entries

CO_PURCHASE, CO_VIEW, THEN_BOUGHT, BOUGHT_INSTEAD = "co_purchase", "co_view", "then_bought", "bought_instead"
SAME_DAY, IN_WINDOW = "same_day", "in_window"
DEFAULT = (CO_PURCHASE, CO_VIEW, THEN_BOUGHT, BOUGHT_INSTEAD)

Unit = Literal["basket", "user", "user and day", "session"]
Amount = Literal["weight", "days", "nothing"]


@dataclass(frozen=True, slots=True)
class Relation:
    """``unit`` is what an entry belongs to: a session is a user's day, or the basket where user or time is unknown.

    ``amount`` is what the meetings of a pair add up to beside their number: the weight of small baskets, or the days between.
    """

    name: str
    unit: Unit
    kinds: tuple[str, ...]
    count: Callable[[Entries, Limits], Iterator[Found]]
    amount: Amount
    directed: bool = False


PURCHASE, VIEW = ("purchase",), ("view",)
_COUNTED = (
    Relation(CO_PURCHASE, "basket", PURCHASE, count_baskets, "weight"),
    Relation(CO_VIEW, "basket", VIEW, count_baskets, "weight"),
    Relation(THEN_BOUGHT, "user", PURCHASE, partial(count_timelines, directed=True), "days", directed=True),
    Relation(BOUGHT_INSTEAD, "session", (*VIEW, *PURCHASE), count_browsing, "nothing", directed=True),
    Relation(SAME_DAY, "user and day", PURCHASE, count_baskets, "weight"),
    Relation(IN_WINDOW, "user", PURCHASE, partial(count_timelines, directed=False), "days"),
)
RELATIONS = dict(enumerate(_COUNTED))
"""By the code that stands for the relation in the ledger: a new one goes to the end."""
CODES = {relation.name: code for code, relation in RELATIONS.items()}


def opposite_of(code: int) -> int:
    """Return the code of the relation that speaks for the other type than this one: views against purchases, and the reverse."""
    return CODES[CO_PURCHASE if TYPE_OF[RELATIONS[code].name] == SUBSTITUTE else CO_VIEW]
