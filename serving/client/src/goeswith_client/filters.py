"""What a caller may ask of the items of an answer."""

from pydantic import BaseModel, ConfigDict, Field

from goeswith_client.answers import Item


class Filters(BaseModel):
    """Price and stock hold for the moment; category and brand are fixed, so the model searches within them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    in_stock: bool = False
    max_price: float | None = Field(default=None, ge=0)
    category: str = ""
    """Any name of the category path, or a path from its beginning, joined by ' > '."""
    brand: str = ""

    @property
    def momentary(self) -> bool:
        """Whether an answer depends on price or stock."""
        return self.in_stock or self.max_price is not None

    def accept(self, item: Item) -> bool:
        """Return whether an item may stand in the answer; an unknown price is no price below the maximum."""
        cheap = self.max_price is None or (item.price is not None and item.price <= self.max_price)
        return cheap and (item.available or not self.in_stock) and self._fits(item)

    def _fits(self, item: Item) -> bool:
        prefixes = {" > ".join(item.category[:end]) for end in range(1, len(item.category) + 1)}
        return (not self.category or self.category in prefixes | set(item.category)) and (not self.brand or self.brand == item.brand)
