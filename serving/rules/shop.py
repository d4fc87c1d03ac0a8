"""What rules may point to: the items and categories of the newest release."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from goeswith import lake
from goeswith.profile import Profile
from goeswith.releases import read_release
from goeswith_client import Item
from goeswith_client.rulebook import names_of
from goeswith_client.rules import SEPARATOR, RuleBody


@dataclass(frozen=True, slots=True)
class Shop:
    """The category paths of those items that rules name and the shop knows, and all names that a category may be called by."""

    paths: Mapping[str, tuple[str, ...]]
    categories: frozenset[str]

    def query_of(self, rule: RuleBody) -> Item:
        """Return an item as a rule's question is about it: the one that it names, or any of the category that it names."""
        path = self.paths.get(rule.query_item) or tuple(name for name in rule.query_category.split(SEPARATOR) if name)
        return Item(item_id=rule.query_item, category=path)

    def item(self, item_id: str) -> Item:
        """Return an item as far as rules look at it."""
        return Item(item_id=item_id, category=self.paths.get(item_id, ()))

    def nearest_categories(self, name: str) -> tuple[str, ...]:
        """Return up to three categories that a name may have meant, the closest first."""
        return tuple(get_close_matches(name, sorted(self.categories), n=3, cutoff=0.6))


def read_shop(profile: Profile, rules: Iterable[RuleBody]) -> Shop:
    """Return what rules may point to, in one pass over the catalogue. Raises ``VersionMissing`` before the first release."""
    wanted = {item_id for rule in rules for item_id in (rule.item, rule.query_item) if item_id}
    paths, known = dict[str, tuple[str, ...]](), set[tuple[str, ...]]()
    version = read_release(profile).version_of("items")
    for batch in lake.read_batches(profile, "items", version=version, columns=["item_id", "category"]):
        for item_id, category in zip(batch["item_id"].to_pylist(), batch["category"].to_pylist(), strict=True):
            path = tuple(category or ())
            known.add(path)
            if item_id in wanted:
                paths[item_id] = path
    return Shop(paths, frozenset(name for path in known for name in names_of(path)))
