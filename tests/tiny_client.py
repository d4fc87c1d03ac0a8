"""A client's two neighbours at their outermost seams: features in a dict, and a model server that answers from a function."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from goeswith_client import Evidence, Item, ModelUnavailable, Neighbour, Neighbours, State
from goeswith_client.answers import TYPES, Type
from goeswith_client.breaker import Breaker
from goeswith_client.rulebook import NO_RULES, Rulebook
from goeswith_client.triton import Inputs, ModelAnswer

CATEGORIES = (("sport", "racket"), ("sport", "balls"))
Ranker = Callable[[str, Mapping[str, Any]], Mapping[str, Sequence[Any]]]


def shop_items(count: int = 20) -> dict[str, Item]:
    """Return items i0, i1, … of two categories in turn, prices 0, 1, …; every fourth is out of stock."""
    return {
        f"i{n}": Item(
            item_id=f"i{n}", title=f"item {n}", brand=f"b{n % 3}", category=CATEGORIES[n % 2], price=float(n), available=n % 4 != 3, image="ab/x.png"
        )
        for n in range(count)
    }


class DictFeatures:
    """Features from dicts; ``age`` is the release's."""

    def __init__(self, *, age: timedelta = timedelta(hours=1), count: int = 20) -> None:
        self.age = age
        self.known = shop_items(count)
        self.lists: dict[tuple[str, str], Neighbours] = {}
        self.held: list[Evidence] = []
        self.best: dict[str, list[str]] = {}
        self.rulebook = NO_RULES
        self.away = False

    def rank(self, kind: str, item_id: str, found: Sequence[str], *, sure: int | None = None) -> None:
        """Precompute neighbours, the first ``sure`` of which reach the threshold."""
        known = [None if sure is None else n < sure for n in range(len(found))]
        ranked = tuple(Neighbour(item, 1.0 - 0.01 * n, "behaviour", "bought together 5 times", known[n]) for n, item in enumerate(found))
        self.lists[kind, item_id] = Neighbours(ranked, "m1", "r1")

    def state(self) -> State:
        """Return the release."""
        return State("r1", datetime.now(UTC) - self.age, away=self.away)

    def items(self, item_ids: Sequence[str]) -> Mapping[str, Item]:
        """Return the known items."""
        return {item: self.known[item] for item in item_ids if item in self.known}

    def neighbours(self, kind: str, item_ids: Sequence[str]) -> Mapping[str, Neighbours]:
        """Return precomputed neighbours."""
        return {item: self.lists[kind, item] for item in item_ids if (kind, item) in self.lists}

    def edges(self, pairs: Sequence[tuple[str, str]], types: Sequence[Type] = TYPES) -> Sequence[Evidence]:
        """Return the held edges between the pairs."""
        return [edge for edge in self.held if (edge.src, edge.dst) in set(pairs) and edge.type in types]

    def bestsellers(self, category: str) -> Sequence[str]:
        """Return what sells best."""
        return self.best.get(category, [])

    def rules(self) -> Rulebook:
        """Return the merchandisers' rules."""
        return self.rulebook


class FakeModels:
    """A model server that ranks by ``ranker(model, values)``; None is one that is away."""

    def __init__(self, ranker: Ranker | None = None) -> None:
        self.ranker = ranker
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.breaker = Breaker(5, 5.0)

    def infer(self, model: str, inputs: Inputs, outputs: Sequence[str]) -> ModelAnswer:
        """Answer, remembering what was asked."""
        values = {name: value for name, (_, value) in inputs.items()}
        self.asked.append((model, values))
        if self.ranker is None:
            raise ModelUnavailable("Triton at nowhere did not answer", "start it: goeswith up")
        found = self.ranker(model, values)
        return ModelAnswer({name: found[name] for name in outputs}, "7")

    def is_live(self) -> bool:
        """Return whether there is a ranker."""
        return self.ranker is not None

    def ready(self) -> dict[str, bool]:
        """Return the one model."""
        return {"relations": self.ranker is not None}


def rank_all(basis: str = "behaviour", count: int = 20) -> Ranker:
    """Return a ranker of all items but the query, in order of number, padded to k as Triton pads."""

    def ranker(model: str, values: Mapping[str, Any]) -> Mapping[str, Sequence[Any]]:
        given = values.get("given", [values.get("item_id", "")])
        found = [f"i{n}" for n in range(count) if f"i{n}" not in given][: values["k"]]
        padded = [*found, *[""] * (values["k"] - len(found))]
        return {"item_ids": padded, "scores": [1.0 / (n + 1) for n in range(len(padded))], "source": [basis] * len(padded), "similar": ["i0", ""]}

    return ranker
