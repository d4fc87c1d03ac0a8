"""The rules of a shop, looked up by what a question is about: made once for each set of rules, asked at every answer."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache

from goeswith_client.answers import Item
from goeswith_client.rules import SEPARATOR, Rule

Key = tuple[str, str]
"""What a rule is about: ('item', id), ('category', name), or ('', '') for every question."""
EVERYWHERE: Key = ("", "")
LONG_AGO = datetime.min.replace(tzinfo=UTC)
KEPT_PATHS = 4_096
"""Category paths whose names are kept: a shop has few, and a new item may bring any."""


@dataclass(frozen=True, slots=True)
class Rulebook:
    """Rules by what they are about. ``note`` says where they are not the newest, and why."""

    pins: Mapping[Key, Sequence[Rule]] = field(default_factory=dict)
    bans: Mapping[Key, Mapping[str, Sequence[Rule]]] = field(default_factory=dict)
    apart: Mapping[str, Sequence[tuple[str, Rule]]] = field(default_factory=dict)
    """Category of a query -> categories that stand in none of its answers."""
    sensitive: Mapping[str, Sequence[Rule]] = field(default_factory=dict)
    note: str = ""

    @property
    def notes(self) -> tuple[str, ...]:
        """What answers say of the rules themselves."""
        return (self.note,) if self.note else ()

    def about(self, given: Sequence[Item], kind: str, *, pinned: Sequence[Item] | None = None, now: datetime | None = None) -> "Ruling":
        """Return what the rules say of a question about items; ``pinned`` are those whose pins count, where not all do."""
        if not (self.pins or self.bans or self.apart or self.sensitive):
            return NOTHING
        at, names = now or datetime.now(UTC), [names_of(item.category) for item in given]
        return Ruling(
            kind=kind,
            at=at,
            pins=_in_order(self._pins_of(given if pinned is None else pinned), kind, at),
            bans=tuple(found for key in _keys_of(given) if (found := self.bans.get(key))),
            apart=self._apart_from(names, kind, at),
            sensitive=self.sensitive,
            common=frozenset.intersection(*names) if names else frozenset(),
            within=self._within(names, at) if kind == "bundle" else (),
        )

    def _pins_of(self, given: Sequence[Item]) -> Iterator[Rule]:
        if self.pins:
            for key in _keys_of(given):
                yield from self.pins.get(key, ())

    def _apart_from(self, names: Sequence[frozenset[str]], kind: str, at: datetime) -> dict[str, Rule]:
        found = (pair for own in names for name in sorted(own) for pair in self.apart.get(name, ()))
        return {category: rule for category, rule in found if rule.covers(kind) and rule.holds(at)}

    def _within(self, names: Sequence[frozenset[str]], at: datetime) -> tuple[Rule, ...]:
        rules = (rule for own in names for name in sorted(own) for rule in self.sensitive.get(name, ()))
        return tuple(dict.fromkeys(rule for rule in rules if rule.holds(at)))


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the rules say of one question: who is pinned, best place first, and who is kept out."""

    kind: str = ""
    at: datetime = LONG_AGO
    pins: Sequence[Rule] = ()
    bans: Sequence[Mapping[str, Sequence[Rule]]] = ()
    apart: Mapping[str, Rule] = field(default_factory=dict)
    sensitive: Mapping[str, Sequence[Rule]] = field(default_factory=dict)
    common: frozenset[str] = frozenset()
    """Names of categories that all given items are in."""
    within: Sequence[Rule] = ()
    """Sensitive categories of given items of a bundle: nothing else may come to them."""

    @property
    def keeps_out(self) -> bool:
        """Whether any item may be kept out."""
        return bool(self.bans or self.apart or self.sensitive)

    def against(self, item: Item) -> Rule | None:
        """Return a rule that keeps an item out of the answer, or None."""
        for banned in self.bans:
            for rule in banned.get(item.item_id, ()):
                if rule.covers(self.kind) and rule.holds(self.at):
                    return rule
        return self._against_category(item) if self.apart or self.sensitive else None

    def _against_category(self, item: Item) -> Rule | None:
        names = names_of(item.category)
        for name in names:
            if name in self.apart:
                return self.apart[name]
            held = () if name in self.common else self.sensitive.get(name, ())
            if rule := next((rule for rule in held if rule.holds(self.at)), None):
                return rule
        return next((rule for rule in self.within if rule.category not in names), None)


NOTHING = Ruling()
NO_RULES = Rulebook()


def compile_rules(rules: Iterable[Rule], note: str = "") -> Rulebook:
    """Return rules so that a question finds those that concern it without looking at the others."""
    filing = _Filing()
    for rule in rules:
        _FILE[rule.kind](filing, rule)
    return Rulebook(dict(filing.pins), {key: dict(found) for key, found in filing.bans.items()}, dict(filing.apart), dict(filing.sensitive), note)


@dataclass(slots=True)
class _Filing:
    pins: dict[Key, list[Rule]] = field(default_factory=lambda: defaultdict(list))
    bans: dict[Key, dict[str, list[Rule]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    apart: dict[str, list[tuple[str, Rule]]] = field(default_factory=lambda: defaultdict(list))
    sensitive: dict[str, list[Rule]] = field(default_factory=lambda: defaultdict(list))

    def pin(self, rule: Rule) -> None:
        self.pins[_key(rule)].append(rule)

    def ban(self, rule: Rule) -> None:
        self.bans[_key(rule)][rule.item].append(rule)

    def ban_category(self, rule: Rule) -> None:
        self.apart[rule.query_category].append((rule.category, rule))
        if rule.both_ways:
            self.apart[rule.category].append((rule.query_category, rule))

    def sensitive_category(self, rule: Rule) -> None:
        self.sensitive[rule.category].append(rule)


_FILE: dict[str, Callable[[_Filing, Rule], None]] = {
    "pin": _Filing.pin,
    "ban": _Filing.ban,
    "ban_category": _Filing.ban_category,
    "sensitive_category": _Filing.sensitive_category,
}


def _key(rule: Rule) -> Key:
    if rule.query_item:
        return ("item", rule.query_item)
    return ("category", rule.query_category) if rule.query_category else EVERYWHERE


def _keys_of(given: Sequence[Item]) -> Iterator[Key]:
    """Yield what rules may be about that concern a question, the narrowest first."""
    yield from (("item", item.item_id) for item in given if item.item_id)
    for item in given:
        yield from (("category", name) for name in sorted(names_of(item.category), key=lambda name: -_depth(name, item.category)))
    yield EVERYWHERE


def _depth(name: str, path: Sequence[str]) -> int:
    return path.index(name) if name in path else name.count(SEPARATOR)


@lru_cache(KEPT_PATHS)
def names_of(path: tuple[str, ...]) -> frozenset[str]:
    """Return all that a rule may call a category path by: each of its names, and each beginning of it."""
    return frozenset(path) | {SEPARATOR.join(path[:end]) for end in range(1, len(path) + 1)}


def _in_order(pins: Iterable[Rule], kind: str, at: datetime) -> tuple[Rule, ...]:
    """Return the pins that hold, by place; of two for one item the narrower one, which stands first, and so of two for one place."""
    held: dict[str, Rule] = {}
    for rule in pins:
        if rule.covers(kind) and rule.holds(at):
            held.setdefault(rule.item, rule)
    return tuple(sorted(held.values(), key=lambda rule: rule.position or 0))
