"""A small shop with some dirt, and an addition to it: a few hundred events, seeded, so that every run of a job means the same."""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from tests.own_shop import Row, write_shop

NUM_ITEMS, NUM_BASKETS, NUM_LATER = 24, 60, 12
DIRTY_ITEMS: tuple[Row, ...] = ({"title": "no id"}, {"item_id": "i0", "title": "an older title", "known_at": "2023-01-01"})
DIRTY_EVENTS: tuple[Row, ...] = ({"quantity": "some"}, {"item_id": "nowhere"}, {"kind": "stare"}, {"happened_at": "yesterday"})


def write_first(folder: Path) -> Path:
    """Write the whole shop."""
    items = [_item(k) for k in range(NUM_ITEMS)]
    events = _events(range(NUM_BASKETS))
    return write_shop(folder, _shuffled([*items, *items[:3], *DIRTY_ITEMS]), _with_dirt(events))


def write_second(folder: Path) -> Path:
    """Write an addition: a new and a changed item, new baskets, and corrections, cancellations and copies of old events."""
    items = [_item(NUM_ITEMS), {**_item(1), "title": "a newer title", "known_at": "2024-06-01"}, *DIRTY_ITEMS]
    old = _events(range(8))
    corrected = [{**event, "quantity": "3", "recorded_at": "2024-07-01"} for event in old[:5]]
    cancelled = [{**event, "cancelled": "true", "recorded_at": "2024-07-02"} for event in old[5:9]]
    late = [{**event, "quantity": "2", "recorded_at": "2023-12-01"} for event in corrected[:2]]
    new = _events(range(NUM_BASKETS, NUM_BASKETS + NUM_LATER))
    events = [*corrected, *cancelled, *late, *old[9:], *new, {**new[0], "event_id": "new", "item_id": f"i{NUM_ITEMS}"}]
    return write_shop(folder, items, _with_dirt(events))


def count_rows(folder: Path) -> dict[str, int]:
    """Return how many rows each file of a shop holds."""
    return {path.stem: len(path.read_text(encoding="utf-8").splitlines()) for path in folder.glob("*.jsonl")}


def read_ids(folder: Path, table: str, key: str) -> set[Any]:
    """Return the ids that a file's rows name."""
    lines = (folder / f"{table}.jsonl").read_text(encoding="utf-8").splitlines()
    return {json.loads(line)[key] for line in lines}


def read_refused(quarantine: pa.Table, table: str, key: str) -> set[Any]:
    """Return the ids that the quarantined rows of a table name."""
    return {json.loads(row["fields"]).get(key) for row in quarantine.to_pylist() if row["target"] == table}


def _item(k: int) -> Row:
    return {"item_id": f"i{k}", "title": f"thing of kind {k % 6}, number {k}", "price": str(5 + k), "known_at": "2024-01-01"}


def _events(baskets: Sequence[int]) -> list[Row]:
    """Return the lines of some baskets; a basket's own seed makes them, so that an addition can name old ones again."""
    return [line for basket in baskets for line in _lines(basket, random.Random(basket))]  # noqa: S311 - a shop, no secret


def _lines(basket: int, rng: random.Random) -> list[Row]:
    family = rng.randrange(6)
    items = [f"i{family + 6 * k}" for k in rng.sample(range(4), 3)] + [f"i{rng.randrange(NUM_ITEMS)}"]
    common = {"basket_id": f"b{basket}", "user_id": f"u{basket % 15}", "kind": "view" if basket % 4 == 0 else "purchase"}
    at = f"2024-{1 + basket % 5:02}-{1 + basket % 28:02}T10:00:00"
    return [{**common, "event_id": f"{basket}-{n}", "item_id": item, "quantity": "1", "happened_at": at} for n, item in enumerate(items)]


def _with_dirt(events: list[Row]) -> list[Row]:
    """Add lines that break a rule each, and copies."""
    broken = [{**events[n], "event_id": f"dirt-{n}-{events[n]['event_id']}", **dirt} for n, dirt in enumerate(DIRTY_EVENTS)]
    return _shuffled([*events, *broken, *events[:7]])


def _shuffled(rows: list[Row]) -> list[Row]:
    return random.Random(len(rows)).sample(rows, len(rows))  # noqa: S311 - an order, no secret
