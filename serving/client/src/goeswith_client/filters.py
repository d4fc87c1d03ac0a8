"""What a caller may ask of the items of an answer."""

from collections import Counter
from collections.abc import Iterable, Sequence

from pydantic import BaseModel, ConfigDict, Field

from goeswith_client.answers import Item, RankedItem


class Filters(BaseModel):
    """Price and stock hold for the moment; category and brand are fixed, so the model searches within them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    in_stock: bool = False
    max_price: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    category: str = ""
    """Any name of the category path, or a path from its beginning, joined by ' > '."""
    brand: str = ""
    no_variants: bool = False
    """No other colour or size of a given item, nor of an earlier one of the answer."""
    sure: bool = False
    """Of substitutes and complements: rather fewer answers, or none, than one below the model's threshold."""
    per_category: int = Field(default=0, ge=0)
    """At most so many items of one narrowest category; 0: as many as there are."""

    @property
    def take_all(self) -> bool:
        """Whether every item that the shop knows may stand in the answer."""
        return not (self.momentary or self.category or self.brand or self.compares)

    @property
    def momentary(self) -> bool:
        """Whether an answer depends on price or stock."""
        return self.in_stock or self.max_price is not None

    @property
    def compares(self) -> bool:
        """Whether an item may stand in the answer depends on those before it."""
        return self.no_variants or bool(self.per_category)

    def accept(self, item: Item) -> bool:
        """Return whether an item may stand in the answer; an unknown price is no price below the maximum."""
        cheap = self.max_price is None or (item.price is not None and item.price <= self.max_price)
        return cheap and (item.available or not self.in_stock) and self._fits(item)

    def _fits(self, item: Item) -> bool:
        return (not self.category or _is_within(item.category, self.category)) and (not self.brand or self.brand == item.brand)

    def pick(self, ranked: Iterable[RankedItem], given: Sequence[Item]) -> list[RankedItem]:
        """Return the items, best first, that what stands before them leaves room for: the given ones, and better answers."""
        products = {product_of(item) for item in given}
        room = Counter[str]()
        picked = []
        for item in ranked:
            kind = item.category[-1] if item.category else ""
            if (self.no_variants and product_of(item) in products) or (self.per_category and kind and room[kind] >= self.per_category):
                continue
            products.add(product_of(item))
            room[kind] += 1
            picked.append(item)
        return picked


def _is_within(path: tuple[str, ...], category: str) -> bool:
    """Return whether a category is one of a path, or where the path leads down to one: 'Shoes', 'Men > Shoes'."""
    return category in path or category in (" > ".join(path[:end]) for end in range(2, len(path) + 1))


def product_of(item: Item) -> str:
    """Return what the variants of one product have in common."""
    return item.variant_of or item.item_id
