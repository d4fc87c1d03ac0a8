"""From ranked candidates to an answer's items: filters, bans, re-ranking, pins, in this order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice

from goeswith_client.answers import Item, RankedItem
from goeswith_client.features import Features, Neighbour
from goeswith_client.filters import Filters
from goeswith_client.limits import MAX_K
from goeswith_client.rerank import Reranker, checked
from goeswith_client.rulebook import NOTHING, Ruling
from goeswith_client.rules import Rule

Accept = Callable[[Item], bool]
RERANKED = 4
"""Candidates that a re-ranker chooses among, for each place of the answer."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The items of an answer, those that a rule kept out of it (item -> rule), and what put others where they are (item -> words)."""

    items: list[RankedItem]
    left_out: dict[str, str] = field(default_factory=dict)
    put: dict[str, str] = field(default_factory=dict)

    def told(self, items: Sequence[RankedItem]) -> tuple[RankedItem, ...]:
        """Return the items, explained by now, with what a rule or a re-ranker did to their places before their reasons."""
        if not self.put:
            return tuple(items)
        said = ((item, self.put.get(item.item_id)) for item in items)
        return tuple(item.model_copy(update={"reason": "; ".join(filter(None, (put, item.reason)))}) if put else item for item, put in said)


@dataclass(frozen=True, slots=True)
class Choosing:
    """How the candidates of one question become at most ``k`` items.

    ``must`` is one more thing that all of them must be. ``first`` is the place in the whole answer that these items begin at, counted
    from 0: a bundle is made place by place.
    """

    features: Features
    given: Sequence[Item]
    k: int
    filters: Filters
    ruling: Ruling = NOTHING
    reranker: Reranker | None = None
    must: Accept | None = None
    first: int = 0

    def choose(self, found: Sequence[Neighbour], also: Accept | None = None) -> Chosen:
        """Return the items, best first; ``also`` is one more thing that candidates must be, pinned ones not."""
        refused: dict[str, str] = {}
        accept, pins = self._accepting(also, refused), self._pinned(found) if self.ruling.pins else {}
        early = self.k if self.filters.take_all and not (also or self.must or self.reranker) else len(found)
        enough = None if self.reranker or self.filters.compares else self.k
        ranked = hydrate(self.features, found[:early], accept, enough)
        if len(ranked) < self.k and early < len(found):  # the shop no longer knows some of them, or rules leave them out
            ranked += hydrate(self.features, found[early:], accept, enough)
        order, put = self._reranked(ranked)
        items = (self._placed(order, pins) if pins else self.filters.pick(order, self.given))[: self.k]
        if pins:
            put |= {rule.item: _pinned_by(rule) for rule in self.ruling.pins if rule.item in pins}
        return Chosen(items, _in_the_way(refused, found, items, self.k), put)

    def _accepting(self, also: Accept | None, refused: dict[str, str]) -> Accept:
        """Return what says whether a candidate may stand in the answer; it writes down what rules refuse."""
        if not (also or self.must or self.ruling.keeps_out):
            return self.filters.accept

        def accept(item: Item) -> bool:
            if not self._fits(item) or (also is not None and not also(item)):
                return False
            rule = self.ruling.against(item)
            if rule is not None:
                refused[item.item_id] = rule.rule_id
            return rule is None

        return accept

    def _fits(self, item: Item) -> bool:
        return self.filters.accept(item) and (self.must is None or self.must(item))

    def _reranked(self, ranked: list[RankedItem]) -> tuple[list[RankedItem], dict[str, str]]:
        """Return the candidates as the re-ranker puts them, and of those that it moved, where they came from."""
        if self.reranker is None or not ranked:
            return ranked, {}
        order = checked(self.reranker, self.given, ranked)
        kept = {item.item_id for item in order}
        came = [item.item_id for item in ranked if item.item_id in kept]
        moved = {item_id: place for place, item_id in enumerate(came, 1) if order[place - 1].item_id != item_id}
        return order, {item_id: f"place {place} before {self.reranker.name}" for item_id, place in moved.items()}

    def _pinned(self, found: Sequence[Neighbour]) -> dict[str, RankedItem]:
        """Return the pinned items that may stand in the answer. Where only sure answers are asked for, a pin moves those and adds none."""
        ranked, given = {neighbour.item_id: neighbour for neighbour in found}, {item.item_id for item in self.given}
        rules = [rule for rule in self.ruling.pins if rule.item not in given and (rule.item in ranked or not self.filters.sure)]
        wanted = [ranked.get(rule.item) or Neighbour(rule.item, 0.0, "rule", "") for rule in rules]
        there = hydrate(self.features, wanted, lambda item: item.available and self._fits(item) and self.ruling.against(item) is None)
        return {item.item_id: item for item in there}

    def _placed(self, ranked: list[RankedItem], pins: dict[str, RankedItem]) -> list[RankedItem]:
        """Return the items with the pinned ones at their places; of two for one place the second stands below."""
        picked = self.filters.pick([*pins.values(), *(item for item in ranked if item.item_id not in pins)], self.given)
        order, there, free = [item for item in picked if item.item_id not in pins], {item.item_id: item for item in picked}, 0
        for rule in self.ruling.pins:
            if rule.item in pins and rule.item in there:
                at = max(free, (rule.position or 1) - 1 - self.first)
                order.insert(at, there[rule.item])
                free = at + 1
        return order


def widen(ask: Callable[[int], Sequence[Neighbour]], choose: Callable[[Sequence[Neighbour]], Chosen], k: int, wanted: int) -> Chosen:
    """Return ``k`` items: ``wanted`` candidates are asked for first, more and more until k are found or none are left.

    What answers with another number than was asked for has no more.
    """
    while True:
        found = ask(wanted)
        chosen = choose(found)
        if len(chosen.items) >= k or len(found) != wanted or wanted == MAX_K:
            return chosen
        wanted = min(MAX_K, wanted * 4)


def hydrate(features: Features, found: Sequence[Neighbour], accept: Accept, enough: int | None = None) -> list[RankedItem]:
    """Return the first ``enough`` ranked items with what the shop says of them now, None: all that it still knows and that are accepted."""
    known = features.items([neighbour.item_id for neighbour in found])
    there = ((neighbour, item) for neighbour in found if (item := known.get(neighbour.item_id)) is not None and accept(item))
    return [RankedItem(**item.__dict__, score=n.score, basis=n.basis, reason=n.reason, sure=n.sure) for n, item in islice(there, enough)]


def say_left_out(left_out: dict[str, str]) -> list[str]:
    """Return the note about items that rules left out: none where there are none."""
    if not left_out:
        return []
    rules = sorted(set(left_out.values()), key=lambda rule_id: (len(rule_id), rule_id))
    return [f"{_many(len(left_out), 'answer')} left out by {'rule' if len(rules) == 1 else 'rules'} {', '.join(rules)}"]


def _many(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _in_the_way(refused: dict[str, str], found: Sequence[Neighbour], items: Sequence[RankedItem], k: int) -> dict[str, str]:
    """Return those of the refused ones that would have had a place: a longer list of candidates holds more that nobody would have seen."""
    if not refused or len(items) < k:
        return refused
    kept = {item.item_id for item in items}
    last = max((place for place, neighbour in enumerate(found) if neighbour.item_id in kept), default=0)
    return {neighbour.item_id: refused[neighbour.item_id] for neighbour in found[:last] if neighbour.item_id in refused}


def _pinned_by(rule: Rule) -> str:
    return f"pinned by rule {rule.rule_id}" + (f": {rule.text}" if rule.text else "")
