"""Pair counting the slow way, event by event: what the kernel, the jobs and the increments are held against."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import combinations, product
from typing import Any

Event = dict[str, Any]
Pair = tuple[str, str, str]
"""Relation, src, dst."""
START = datetime(2024, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def event(basket: str, item: str, *, kind: str = "purchase", user: str | None = None, day: int | None = None, quantity: int = 1) -> Event:
    """Return an event; its id says what it is."""
    at = None if day is None else START + day * DAY
    name = f"{kind}-{basket}-{item}-{user}-{day}"
    return {"event_id": name, "basket_id": basket, "item_id": item, "kind": kind, "user_id": user, "quantity": quantity, "happened_at": at}


@dataclass
class Count:
    """How often a pair met, and what that amounts to."""

    n: int = 0
    weighted: float = 0.0
    lag: int = 0
    months: Counter[int] = field(default_factory=Counter)


@dataclass
class Counted:
    """Pairs, the units that each item stands in as src and as dst, and all units, by relation."""

    pairs: dict[Pair, Count]
    as_src: Counter[tuple[str, str]]
    as_dst: Counter[tuple[str, str]]
    total: Counter[str]

    def row(self, pair: Pair) -> tuple[int, int, int, int]:
        """Return n, n_src, n_dst and n_total."""
        relation, src, dst = pair
        return self.pairs[pair].n, self.as_src[relation, src], self.as_dst[relation, dst], self.total[relation]

    def rows(self) -> dict[Pair, tuple[int, int, int, int]]:
        """Return the counts of every pair."""
        return {pair: self.row(pair) for pair in self.pairs}


def standing(events: Iterable[Event]) -> list[Event]:
    """Return views and purchases that stand: an item does while more pieces came into its basket than went."""
    net: Counter[tuple[str, str]] = Counter()
    for e in events:
        net[e["basket_id"], e["item_id"]] += {"purchase": 1, "return": -1, "view": 0}[e["kind"]] * e["quantity"]
    return [e for e in events if e["quantity"] > 0 and (e["kind"] == "view" or (e["kind"] == "purchase" and net[e["basket_id"], e["item_id"]] > 0))]


def count(
    events: Sequence[Event],
    held: frozenset[str] = frozenset(),
    *,
    graph: str = "full",
    max_basket: int = 60,
    within_days: int = 90,
    window_days: int = 7,
) -> Counted:
    """Count all relations. ``held`` names baskets and items that the evaluation graph leaves out; sizes count them all the same."""
    whole = standing(events)
    hidden = held if graph == "evaluation" else frozenset()
    kept = [e for e in whole if e["basket_id"] not in hidden and e["item_id"] not in hidden]
    found = Counted(defaultdict(Count), Counter(), Counter(), Counter())
    for relation, kind in (("co_purchase", "purchase"), ("co_view", "view")):
        _count_sets(found, relation, _group(kept, _basket, kind), _group(whole, _basket, kind), max_basket)
    timed = [[e for e in part if e["user_id"] and e["happened_at"]] for part in (kept, whole)]
    _count_sets(found, "same_day", _group(timed[0], _session, "purchase"), _group(timed[1], _session, "purchase"), max_basket)
    _count_instead(found, kept, whole, max_basket)
    users = _group(timed[0], lambda e: e["user_id"], "purchase")
    _count_after(found, "then_bought", users, lambda a, b: _follows(a, b, within_days), directed=True)
    _count_after(found, "in_window", users, lambda a, b: _near(a, b, window_days), directed=False)
    found.pairs = dict(found.pairs)
    return found


def _group(events: Iterable[Event], unit: Any, *kinds: str) -> dict[str, list[Event]]:
    grouped: dict[str, list[Event]] = defaultdict(list)
    for e in events:
        if e["kind"] in kinds:
            grouped[unit(e)].append(e)
    return grouped


def _items(events: Iterable[Event]) -> set[str]:
    return {e["item_id"] for e in events}


def _month(events: Iterable[Event]) -> int:
    times = [e["happened_at"] for e in events if e["happened_at"]]
    return max(times).year * 12 + max(times).month if times else 0


def _count_sets(found: Counted, relation: str, units: dict[str, list[Event]], whole: dict[str, list[Event]], max_basket: int) -> None:
    for name, mine in units.items():
        size = len(_items(whole[name]))
        if size > max_basket:
            continue
        _note_unit(found, relation, _items(mine), _items(mine))
        for a, b in combinations(sorted(_items(mine)), 2):
            one = found.pairs[relation, a, b]
            one.n += 1
            one.weighted += 1 / (size - 1)
            one.months[_month(whole[name])] += 1


def _note_unit(found: Counted, relation: str, sources: set[str], targets: set[str]) -> None:
    found.total[relation] += 1
    found.as_src.update((relation, item) for item in sources)
    found.as_dst.update((relation, item) for item in targets)


def _basket(e: Event) -> str:
    return str(e["basket_id"])


def _session(e: Event) -> str:
    return f"{e['user_id']} {e['happened_at'].date()}" if e["user_id"] and e["happened_at"] else _basket(e)


def _count_instead(found: Counted, kept: list[Event], whole: list[Event], max_basket: int) -> None:
    every = _group(whole, _session, "purchase", "view")
    for name, mine in _group(kept, _session, "purchase", "view").items():
        all_bought = _items(e for e in every[name] if e["kind"] == "purchase")
        if len(_items(every[name])) > max_basket or not all_bought or not _items(e for e in every[name] if e["kind"] == "view") - all_bought:
            continue
        viewed, bought = _items(e for e in mine) - all_bought, _items(mine) & all_bought
        _note_unit(found, "bought_instead", viewed, bought)
        for a, b in product(viewed, bought):
            found.pairs["bought_instead", a, b].n += 1
            found.pairs["bought_instead", a, b].months[_month(every[name])] += 1


def _follows(a: Event, b: Event, within_days: int) -> bool:
    gap = b["happened_at"] - a["happened_at"]
    return bool(a["item_id"] != b["item_id"] and a["basket_id"] != b["basket_id"] and timedelta() < gap <= within_days * DAY)


def _near(a: Event, b: Event, window_days: int) -> bool:
    return bool(a["item_id"] < b["item_id"] and abs(b["happened_at"] - a["happened_at"]) <= window_days * DAY)


def _count_after(found: Counted, relation: str, users: dict[str, list[Event]], meets: Any, *, directed: bool) -> None:
    for mine in users.values():
        _note_unit(found, relation, _items(mine), _items(mine))
        met: dict[tuple[str, str], list[tuple[datetime, int]]] = defaultdict(list)
        for a, b in product(mine, mine):
            if meets(a, b):
                first, last = sorted((a["happened_at"], b["happened_at"]))
                met[a["item_id"], b["item_id"]].append((last, (last - first).days))
        for (src, dst), times in met.items():
            one, (at, lag) = found.pairs[relation, src, dst], min(times)
            one.n, one.lag = one.n + 1, one.lag + lag
            one.months[at.year * 12 + at.month] += 1
