"""Re-rankers: what is preferred among the candidates of an answer. Filters say what is allowed, rules what must or may not be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import takewhile
from typing import Protocol

from goeswith_client.answers import Item, RankedItem
from goeswith_client.errors import InvalidRequest, RerankerFailed
from goeswith_client.filters import product_of
from goeswith_client.rulebook import KEPT_PATHS


class Reranker(Protocol):
    """Puts candidates into another order, or leaves some of them out; adds none. Pure: the same items give the same order."""

    @property
    def name(self) -> str:
        """What reasons and errors call it."""

    def rerank(self, given: Sequence[Item], ranked: Sequence[RankedItem], /) -> Sequence[RankedItem]:
        """Return the candidates, best first. ``given`` is what the question is about: one item, a bundle's, or a new one."""


@dataclass(frozen=True, slots=True)
class Mmr:
    """Maximal marginal relevance (Carbonell and Goldstein, 1998): each next item is good, and unlike those above it.

    ``relevance`` is their lambda: 1 keeps the order, 0 looks at the difference alone. Relevance is the place in the order that came.
    """

    relevance: float = 0.7
    name: str = "diversity"

    def __post_init__(self) -> None:
        _check_share("Mmr(relevance=...)", self.relevance)

    def rerank(self, _given: Sequence[Item], ranked: Sequence[RankedItem], /) -> list[RankedItem]:
        """Return the items by what they add to those above them."""
        left = {place: Looks.of(item) for place, item in enumerate(ranked)}
        likest, order = dict.fromkeys(left, 0.0), list[int]()
        while left:
            best = max(left, key=lambda place: self.relevance * (1 - place / len(ranked)) - (1 - self.relevance) * likest[place])
            order.append(best)
            looks = left.pop(best)
            for place, other in left.items():
                likest[place] = max(likest[place], looks.likeness(other))
        return [ranked[place] for place in order]


@dataclass(frozen=True, slots=True)
class PriceBand:
    """Items whose price is within a ``ratio`` of the given items' mean price: from 1 / (1 + ratio) to 1 + ratio times as much.

    They come first or, where ``required``, alone; an unknown price is outside. Without a price to compare with nothing changes.
    """

    ratio: float = 0.5
    required: bool = False
    name: str = "price band"

    def __post_init__(self) -> None:
        if not 0 < self.ratio < float("inf"):
            raise InvalidRequest(f"PriceBand(ratio={self.ratio})", "a ratio above 0: 0.5 is from two thirds to one and a half times the price")

    def rerank(self, given: Sequence[Item], ranked: Sequence[RankedItem], /) -> list[RankedItem]:
        """Return the items within the band, then the others, each in their order."""
        prices = [item.price for item in given if item.price is not None]
        if not prices:
            return list(ranked)
        mean = sum(prices) / len(prices)
        inside = [self._is_near(mean, item.price) for item in ranked]
        near = [item for item, is_near in zip(ranked, inside, strict=True) if is_near]
        return near if self.required else near + [item for item, is_near in zip(ranked, inside, strict=True) if not is_near]

    def _is_near(self, mean: float, price: float | None) -> bool:
        return price is not None and mean / (1 + self.ratio) <= price <= mean * (1 + self.ratio)


@dataclass(frozen=True, slots=True)
class Weighted:
    """A blend of the place that an item came with and its place by a value of the shop's: its margin, its popularity.

    ``weight`` 0 keeps the order, 1 goes by the value alone. Items without a value stand as if theirs were the lowest.
    """

    values: Mapping[str, float]
    weight: float = 0.3
    name: str = "value"

    def __post_init__(self) -> None:
        _check_share("Weighted(weight=...)", self.weight)

    def rerank(self, _given: Sequence[Item], ranked: Sequence[RankedItem], /) -> list[RankedItem]:
        """Return the items by the blend; equal ones keep their order."""
        levels = sorted({self._value(item) for item in ranked})
        level = {value: place / max(1, len(levels) - 1) for place, value in enumerate(levels)}
        blend = [(1 - self.weight) * (1 - place / len(ranked)) + self.weight * level[self._value(item)] for place, item in enumerate(ranked)]
        return [ranked[place] for place in sorted(range(len(ranked)), key=lambda place: -blend[place])]

    def _value(self, item: Item) -> float:
        return self.values.get(item.item_id, float("-inf"))


@dataclass(frozen=True, slots=True)
class Chained:
    """Several re-rankers, one after the other."""

    steps: tuple[Reranker, ...]

    @property
    def name(self) -> str:
        """The steps' names."""
        return ", ".join(step.name for step in self.steps)

    def rerank(self, given: Sequence[Item], ranked: Sequence[RankedItem], /) -> Sequence[RankedItem]:
        """Return what the last step makes of what those before it made."""
        for step in self.steps:
            ranked = checked(step, given, ranked)
        return ranked


def checked(reranker: Reranker, given: Sequence[Item], ranked: Sequence[RankedItem]) -> list[RankedItem]:
    """Return the candidates as a re-ranker puts them, untouched but for their order.

    Raises ``RerankerFailed``, which names it, where it raises or returns items that it was not given, or one twice.
    """
    known = {item.item_id: item for item in ranked}
    try:
        order = [item.item_id for item in reranker.rerank(given, ranked)]
    except RerankerFailed:
        raise  # a step of a chain, which named itself
    except Exception as error:  # what the caller's own code raises; it goes on as an error of ours
        raise RerankerFailed(f"re-ranker {reranker.name!r} failed: {type(error).__name__}: {error}", "mend it, or ask without it") from error
    if len(set(order)) != len(order) or not set(order) <= known.keys():
        raise RerankerFailed(f"re-ranker {reranker.name!r} returned items twice, or that it was not given", "return those it got, each once")
    return [known[item_id] for item_id in order]


@dataclass(frozen=True, slots=True)
class Looks:
    """What two items are compared by: the client holds no vectors."""

    path: tuple[str, ...]
    brand: str | None
    product: str
    words: frozenset[str]

    @classmethod
    def of(cls, item: Item) -> "Looks":
        """Return what an item is compared by."""
        return cls(item.category, item.brand, product_of(item), frozenset((item.title or "").lower().split()))

    def likeness(self, other: "Looks") -> float:
        """Return how alike two items are, in [0, 1]; 1 for variants of one product."""
        if self.product == other.product:
            return 1.0
        shared = len(self.words & other.words)
        words = shared / max(1, len(self.words) + len(other.words) - shared)
        return 0.5 * _common(self.path, other.path) + 0.3 * words + 0.2 * (self.brand is not None and self.brand == other.brand)


@lru_cache(KEPT_PATHS)
def _common(a: tuple[str, ...], b: tuple[str, ...]) -> float:
    """Return how much of the longer path both begin with."""
    shared = takewhile(lambda names: names[0] == names[1], zip(a, b, strict=False))
    return len(list(shared)) / max(1, len(a), len(b))


def _check_share(what: str, share: float) -> None:
    if not 0 <= share <= 1:
        raise InvalidRequest(f"{what} of {share}", "a number from 0 to 1")
