"""An item as judges look at it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What a judge may read of one item; missing parts are None or empty."""

    title: str | None = None
    description: str | None = None
    brand: str | None = None
    category: tuple[str, ...] = ()
    attributes: tuple[tuple[str, str], ...] = ()
    price: float | None = None
