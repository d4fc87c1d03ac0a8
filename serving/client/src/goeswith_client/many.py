"""One question about many items: what the answers need is read in bulk, then each item is answered as if it were asked about alone."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from goeswith_client.answers import TYPES, Answer, Evidence, Item, Type
from goeswith_client.errors import ClientError
from goeswith_client.features import Features, Neighbours, State
from goeswith_client.limits import MAX_THREADS
from goeswith_client.rulebook import Rulebook

Result = Answer | ClientError
"""The answer about one item, or why there is none."""


class ReadAhead:
    """Features of which the neighbours of some items, and all items in these, are read at once; others are read when they are asked for."""

    def __init__(self, features: Features, kind: Type, item_ids: Sequence[str]) -> None:
        self._features, self._kind, self._about = features, kind, frozenset(item_ids)
        self._state, self._rules = features.state(), features.rules()
        self._lists = features.neighbours(kind, item_ids)
        listed = (neighbour.item_id for found in self._lists.values() for neighbour in found.found)
        self._asked = dict.fromkeys([*item_ids, *listed])
        self._items = features.items(list(self._asked))

    def state(self) -> State:
        """Return the release as it was when reading began."""
        return self._state

    def items(self, item_ids: Sequence[str]) -> Mapping[str, Item]:
        """Return the items that are known."""
        others = [item for item in item_ids if item not in self._asked]
        read = self._features.items(others) if others else {}
        return {item: found for item in item_ids if (found := self._items.get(item) or read.get(item))}

    def neighbours(self, kind: str, item_ids: Sequence[str]) -> Mapping[str, Neighbours]:
        """Return the precomputed neighbours of a type, of the items that have a list."""
        others = [item for item in item_ids if kind != self._kind or item not in self._about]
        read = self._features.neighbours(kind, others) if others else {}
        known = {**self._lists, **read} if kind == self._kind else read
        return {item: known[item] for item in item_ids if item in known}

    def edges(self, pairs: Sequence[tuple[str, str]], types: Sequence[Type] = TYPES) -> Sequence[Evidence]:
        """Return the edges of the types that stand between the ordered pairs."""
        return self._features.edges(pairs, types)

    def bestsellers(self, category: str) -> Sequence[str]:
        """Return what sells best in a category, or in the whole shop for ''."""
        return self._features.bestsellers(category)

    def rules(self) -> Rulebook:
        """Return the merchandisers' rules as they were when reading began."""
        return self._rules


def answer_each(item_ids: Sequence[str], answer: Callable[[str], Answer]) -> tuple[Result, ...]:
    """Return the answer about each item, in order, or the error that it ended in; some of them side by side, for they may wait for a model."""

    def ask(item_id: str) -> Result:
        try:
            return answer(item_id)
        except ClientError as error:
            return error

    with ThreadPoolExecutor(min(MAX_THREADS, len(item_ids))) as pool:
        return tuple(pool.map(ask, item_ids))
