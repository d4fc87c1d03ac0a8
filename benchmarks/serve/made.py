"""A made catalogue as a shop's pipeline would leave it: released tables, an online store, and an export of the model that ranks.

Vectors are random, so what is found says nothing; what it takes to find it does not depend on that.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from goeswith import lake, releases
from goeswith.catalogue import find_table
from goeswith.profile import Profile
from training.dataset import Floats

DATA, RUN = "made", "bench"
WIDTH = 256
"""Of the vectors that are searched."""
PLACES = 20
CATEGORIES, BRANDS, DEPARTMENTS = 200, 500, 20
BLOCK = 20_000
"""Rows that are written at a time."""
HEAP, SPREAD = 100, 0.9
"""Vectors lie in heaps of about so many, as a catalogue's do, each off its heap's middle by so many standard deviations of the middles."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """``ids`` (N,); every second item has lists that were computed in advance, the others are the model's to answer."""

    ids: tuple[str, ...]
    department: tuple[str, ...]

    @property
    def listed(self) -> tuple[str, ...]:
        """The items with lists."""
        return self.ids[::2]

    @property
    def unlisted(self) -> tuple[str, ...]:
        """The items without."""
        return self.ids[1::2]


def make_catalogue(items: int) -> Catalogue:
    """Return the ids of a catalogue of ``items``, and the department of each."""
    return Catalogue(tuple(f"item-{n:07d}" for n in range(items)), tuple(_category(n)[0] for n in range(items)))


def _category(n: int) -> tuple[str, str]:
    kind = n * 7919 % CATEGORIES
    return f"department {kind % DEPARTMENTS}", f"category {kind}"


def write_tables(profile: Profile, catalogue: Catalogue, seed: int = 0) -> dict[str, int]:
    """Write and release what the online store is made from, block by block, and return the versions."""
    known_at = datetime.now(UTC)
    write_blocks(profile, "items", [{**row, "known_at": known_at} for row in rows_of(catalogue, seed)])
    for rows in _list_blocks(catalogue, known_at, seed):
        _write(profile, "item_neighbours", rows)
    versions = {name: lake.open_table(profile, name).version() for name in ("items", "item_neighbours")}
    releases.write_release(profile, RUN, versions)
    return versions


def rows_of(catalogue: Catalogue, seed: int = 0) -> Iterator[dict[str, Any]]:
    """Yield what the shop says of each item."""
    prices = np.round(np.random.default_rng(seed).lognormal(3, 1, len(catalogue.ids)), 2).tolist()
    return (_item(n, item, price) for n, (item, price) in enumerate(zip(catalogue.ids, prices, strict=True)))


def write_blocks(profile: Profile, name: str, rows: list[dict[str, Any]]) -> None:
    """Merge rows into a table, so many at a time."""
    for start in range(0, len(rows), BLOCK):
        _write(profile, name, rows[start : start + BLOCK])


def _item(n: int, item_id: str, price: float) -> dict[str, Any]:
    said = {"title": f"product number {n} of brand {n % BRANDS}", "description": "as it stands in the shop", "brand": f"brand {n % BRANDS}"}
    # one in ten is out of stock, in each department alike
    sold = {"price": price, "currency": "EUR", "image": None, "available": n // DEPARTMENTS % 10 != 9, "variant_of": None}
    return {"item_id": item_id, "category": list(_category(n)), "attributes": [], **said, **sold}


def _list_blocks(catalogue: Catalogue, known_at: datetime, seed: int) -> Iterator[list[dict[str, Any]]]:
    rng = np.random.default_rng(seed)
    common = {"threshold": 0.5, "model_version": RUN, "release": RUN, "known_at": known_at}
    for start in range(0, len(catalogue.listed), BLOCK):
        block = catalogue.listed[start : start + BLOCK]
        for kind in ("substitute", "complement"):
            found = rng.integers(0, len(catalogue.ids), (len(block), PLACES))
            yield [{"type": kind, "item_id": item, "neighbours": _places(catalogue, row), **common} for item, row in zip(block, found, strict=True)]


def _places(catalogue: Catalogue, found: Any) -> list[dict[str, Any]]:
    said = {"source": "behaviour", "reason": "bought together 5 times, lift 4.0"}
    return [{"item_id": catalogue.ids[at], "score": 1 - 0.03 * place, **said} for place, at in enumerate(found.tolist())]


def _write(profile: Profile, name: str, rows: list[dict[str, Any]]) -> None:
    table = find_table(name)
    columns = pa.schema([field for field in table.schema if field.name != "updated_at"])
    lake.write_table(profile, name, pa.Table.from_pylist(rows, schema=columns), writer=table.writer)


def heaped_vectors(items: int, width: int, seed: int) -> Floats:
    """Return unit vectors (N, width) in heaps, written block by block: no more than they are is held."""
    rng = np.random.default_rng(seed)
    middles = rng.standard_normal((max(1, items // HEAP), width), dtype=np.float32)
    vectors: Floats = np.empty((items, width), dtype=np.float32)
    for start in range(0, items, 100_000):
        part = vectors[start : start + 100_000]
        part[:] = middles[rng.integers(0, len(middles), len(part))] + SPREAD * rng.standard_normal(part.shape, dtype=np.float32)
        part /= np.linalg.norm(part, axis=1, keepdims=True)
    return vectors
