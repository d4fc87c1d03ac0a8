"""A full-text index of one version of the catalogue, in memory: SQLite's FTS5, ranked by bm25, every word taken as a beginning."""

import re
import sqlite3
from collections.abc import Iterable, Sequence
from threading import Lock

from goeswith_client import Item

MAX_WORDS = 12
"""Words of a question that are looked up; a longer one finds no more for them."""
_CREATE = """CREATE VIRTUAL TABLE items USING fts5(
  item_id, title, brand, category, shown UNINDEXED, tokenize = "unicode61 remove_diacritics 2", prefix = '1 2 3')"""
_RANK = "bm25(items, 8.0, 10.0, 4.0, 3.0)"
"""Weights of id, title, brand and category: what an item is called says most."""


class CatalogueIndex:
    """Finds items by words of their title, brand, category or id. Thread-safe."""

    def __init__(self, items: Iterable[Item]) -> None:
        self._lock = Lock()
        self._rows = sqlite3.connect(":memory:", check_same_thread=False)
        self._rows.execute(_CREATE)
        self._rows.executemany("INSERT INTO items VALUES (?, ?, ?, ?, ?)", map(_row, items))

    def find(self, question: str, k: int) -> tuple[list[Item], int]:
        """Return the best ``k`` items and how many match: those with all words, or with any where none has all."""
        words = [f'"{word}"*' for word in re.findall(r"\w+", question)[:MAX_WORDS]]
        for joined in (" AND ".join(words), " OR ".join(words)):
            total = self._count(joined) if words else 0
            if total:
                found = self._read(f"WHERE items MATCH ? ORDER BY {_RANK}, item_id LIMIT ?", [joined, k])
                return found, total
        return [], 0

    def first(self, k: int) -> tuple[list[Item], int]:
        """Return the first ``k`` items, and how many there are."""
        return self._read("ORDER BY item_id LIMIT ?", [k]), self._count(None)

    def _count(self, match: str | None) -> int:
        where, values = ("WHERE items MATCH ?", [match]) if match else ("", [])
        with self._lock:
            return int(self._rows.execute(f"SELECT count(*) FROM items {where}", values).fetchone()[0])  # noqa: S608 - a constant

    def _read(self, which: str, values: Sequence[object]) -> list[Item]:
        with self._lock:
            found = self._rows.execute(f"SELECT shown FROM items {which}", values).fetchall()  # noqa: S608 - constants of this class
        return [Item.model_validate_json(shown) for (shown,) in found]


def _row(item: Item) -> tuple[str, str, str, str, str]:
    return item.item_id, item.title or "", item.brand or "", " ".join(item.category), item.model_dump_json()
