"""Which rules are refused, and what ``goeswith rules check`` finds in those that stand."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from goeswith.profile import Profile
from goeswith_client.rulebook import Rulebook, compile_rules
from goeswith_client.rules import ABOUT, Rule, RuleBody
from serving.nearest import NearestIds, released_ids
from serving.rules.recorded import RuleRefused
from serving.rules.shop import Shop

_REMOVE = "remove that one: goeswith rules remove {}"


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a rule that stands."""

    rule_id: str
    problem: str


def refuse_unknown(profile: Profile, bodies: Sequence[RuleBody], shop: Shop) -> None:
    """Raise ``RuleRefused`` for the first item or category that the shop does not have, with the nearest that it has."""
    for body in bodies:
        for item_id in unknown_items(body, shop):
            nearest = NearestIds(lambda: released_ids(profile)).find(item_id)
            raise RuleRefused(f"no item is called {item_id!r}", "use an id of the newest release", nearest)
        for name in unknown_categories(body, shop):
            raise RuleRefused(
                f"no category is called {name!r}", "a name of a category path, or its beginning joined by ' > '", shop.nearest_categories(name)
            )


def refuse_contradictions(standing: Sequence[Rule], made: Sequence[Rule], shop: Shop) -> None:
    """Raise ``RuleRefused`` where a new rule stands already, takes another pin's place, or pins what is kept out.

    A ban of a pinned item is not refused: it may be urgent, and it wins. ``check`` tells of the pin.
    """
    filed: dict[tuple[object, ...], list[Rule]] = defaultdict(list)
    for rule in standing:
        for claim in _claims(rule):
            filed[claim].append(rule)
    for rule in made:
        for claim in _claims(rule):
            if other := next((one for one in filed[claim] if one.meets(rule)), None):
                said = f"place {rule.position} is taken by {other.rule_id}" if claim[0] == "place" else f"{other.rule_id} says so already"
                raise RuleRefused(f"{told(rule)}: {said}", _REMOVE.format(other.rule_id))
            filed[claim].append(rule)
    book = compile_rules([*standing, *made])
    for rule in made:
        if kept_out := kept_out_by(rule, book, shop):
            raise RuleRefused(f"{told(rule)}: rule {kept_out.rule_id} keeps {rule.item!r} out", _REMOVE.format(kept_out.rule_id))


def find_problems(standing: Sequence[Rule], delivered: Sequence[Rule] | None, shop: Shop) -> Iterator[Finding]:
    """Yield what is wrong with the rules that stand: ended, pointing nowhere, contradicting, or not what clients read."""
    now, book = datetime.now(UTC), compile_rules(standing)
    for rule in standing:
        if rule.valid_until is not None and rule.valid_until <= now:
            yield Finding(rule.rule_id, f"ended {rule.valid_until:%Y-%m-%d %H:%M} UTC")
        yield from (Finding(rule.rule_id, f"no item is called {item_id!r} any more") for item_id in unknown_items(rule, shop))
        yield from (Finding(rule.rule_id, f"no category is called {name!r} any more") for name in unknown_categories(rule, shop))
        if kept_out := kept_out_by(rule, book, shop):
            yield Finding(rule.rule_id, f"rule {kept_out.rule_id} keeps {rule.item!r} out")
    if standing and set(delivered or ()) != set(standing):
        yield Finding("", "clients read other rules than those that stand: goeswith rules export")


def unknown_items(rule: RuleBody, shop: Shop) -> list[str]:
    """Return the items that a rule names and the shop does not have."""
    return [item_id for item_id in (rule.item, rule.query_item) if item_id and item_id not in shop.paths]


def unknown_categories(rule: RuleBody, shop: Shop) -> list[str]:
    """Return the categories that a rule names and the shop does not have."""
    return [name for name in (rule.category, rule.query_category) if name and name not in shop.categories]


def kept_out_by(pin: Rule, book: Rulebook, shop: Shop) -> Rule | None:
    """Return a rule that keeps a pinned item out of all the answers that it is pinned in, or None."""
    if pin.kind != "pin":
        return None
    at = max(datetime.now(UTC), pin.valid_from or datetime.now(UTC))
    kinds = ABOUT[1:] if pin.type == "all" else (pin.type,)
    query, item = [shop.query_of(pin)], shop.item(pin.item)
    found = [book.about(query, kind, now=at).against(item) for kind in kinds]
    return found[0] if all(found) else None


def told(rule: RuleBody) -> str:
    """Return a rule in words."""
    where = rule.query_item or rule.query_category
    kinds = "" if rule.type == "all" else f" as {rule.type}"
    if rule.kind == "pin":
        return f"pin {rule.item} to place {rule.position} for {where}{kinds}"
    if rule.kind == "ban":
        return f"ban {rule.item}{f' for {where}' if where else ' everywhere'}{kinds}"
    if rule.kind == "ban_category":
        return f"keep {rule.category} {'and' if rule.both_ways else 'out of answers about'} {where}{' apart' if rule.both_ways else ''}{kinds}"
    return f"keep {rule.category} to itself"


def _claims(rule: Rule) -> Iterable[tuple[object, ...]]:
    """Yield what no two rules may both say."""
    query = (rule.query_item, rule.query_category)
    yield (rule.kind, *query, rule.item, rule.category)
    if rule.kind == "pin":
        yield ("place", *query, rule.position)
