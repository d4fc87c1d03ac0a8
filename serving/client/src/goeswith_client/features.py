"""What the client asks of a feature store, and the answers' shapes. ``FeastFeatures`` is the real one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from goeswith_client.answers import TYPES, Evidence, Item, Type
from goeswith_client.rulebook import Rulebook


@dataclass(frozen=True, slots=True)
class Neighbour:
    """One precomputed neighbour."""

    item_id: str
    score: float
    basis: str
    reason: str
    sure: bool | None = None
    """Whether the score reaches its model's threshold; None where there is none."""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The precomputed neighbours of an item: substitutes best first, complements kind by kind."""

    found: tuple[Neighbour, ...]
    model_version: str
    release: str


@dataclass(frozen=True, slots=True)
class State:
    """Which release the online features come from, and which version of each table behind them.

    ``away``: the store failed when it was asked last, and what was read from it before is returned.
    """

    release: str
    released_at: datetime
    tables: Mapping[str, int] = field(default_factory=dict)
    away: bool = False


class Features(Protocol):
    """Online features. Unknown ids are left out of what is returned."""

    def state(self) -> State:
        """Return the release behind the features. Raises ``FeaturesUnavailable`` where nothing was materialised."""

    def items(self, item_ids: Sequence[str]) -> Mapping[str, Item]:
        """Return the items that are known."""

    def neighbours(self, kind: str, item_ids: Sequence[str]) -> Mapping[str, Neighbours]:
        """Return the precomputed neighbours of a type, of the items that have a list."""

    def edges(self, pairs: Sequence[tuple[str, str]], types: Sequence[Type] = TYPES) -> Sequence[Evidence]:
        """Return the edges of the types that stand between the ordered pairs."""

    def bestsellers(self, category: str) -> Sequence[str]:
        """Return what sells best in a category, or in the whole shop for ''."""

    def rules(self) -> Rulebook:
        """Return the merchandisers' rules. Raises ``RulesUnavailable`` where there are some that cannot be read."""
