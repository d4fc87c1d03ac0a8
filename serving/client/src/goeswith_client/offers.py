"""Prices and stock that were pushed since the release: they stand over what the release says of an item."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from goeswith_client.answers import Item
from goeswith_client.online_store import Keys, Row
from goeswith_client.replaced import ReplacedFile

VIEW = "item_offers"
FEATURES = ("price", "currency", "priced_at", "available", "stocked_at")
LAST = "offers.json"
"""Beside the settings of the store: when something was pushed last. Without it, or before the release, nothing needs to be read."""

Read = Callable[[str, Sequence[str], Keys], list[Row]]


class Offers:
    """What was pushed, read by ``read`` where there is something newer than the release."""

    def __init__(self, folder: Path, read: Read) -> None:
        self._last = ReplacedFile[float](folder / LAST, _parse, missing=0.0)
        self._read = read

    def over(self, items: Mapping[str, Item], released_at: Callable[[], float]) -> Mapping[str, Item]:
        """Return the items with what was pushed of them after ``released_at`` [s since 1970]."""
        last = self._last.read()
        if not (items and last and last > (since := released_at())):
            return items
        rows = self._read(VIEW, FEATURES, [(item_id,) for item_id in items])
        return {item.item_id: _with_offer(item, row, since) for item, row in zip(items.values(), rows, strict=True)}


def _with_offer(item: Item, row: Row, since: float) -> Item:
    pushed: dict[str, Any] = {}
    if (row["priced_at"] or 0.0) > since:
        pushed |= {"price": row["price"], "currency": row["currency"] or item.currency}
    if (row["stocked_at"] or 0.0) > since:
        pushed |= {"available": row["available"]}
    return item.model_copy(update=pushed) if pushed else item


def _parse(path: Path) -> float:
    return float(json.loads(path.read_text(encoding="utf-8"))["last"])
