"""The training set as arrays: items by position, pairs as positions. Read from ``training_sets``, nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from goeswith import lake
from goeswith.errors import DataContractError
from goeswith.item_text import item_text
from goeswith.profile import Profile

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]
Times = npt.NDArray[np.datetime64]

BOUGHT_TOGETHER: Final = ("co_purchase", "also_bought", "bought_together")
"""Relations that make the undirected graph of CIRP."""

SEASON_PRIOR: Final = 5.0
"""Meetings that must agree on a season before half of it is believed."""

UNDATED: Final = 0
"""As the day of a pair: it was there before all others."""


@dataclass(frozen=True, slots=True)
class Items:
    """Features of N items; position i of every field speaks of the same item. Sorted by ``ids``."""

    ids: tuple[str, ...]
    titles: tuple[str | None, ...]
    brands: tuple[str | None, ...]
    categories: tuple[tuple[str, ...], ...]
    descriptions: tuple[str | None, ...]
    prices: Floats
    """(N,), NaN where unknown."""
    images: tuple[str | None, ...]
    variant_of: tuple[str | None, ...]
    attributes: tuple[Mapping[str, str], ...] = ()
    """Further attributes by name; () where the source declares none."""

    def __len__(self) -> int:
        """Return N."""
        return len(self.ids)

    def texts(self) -> list[str]:
        """Return the one text of each item ('' where it has none)."""
        rows = zip(self.titles, self.descriptions, self.brands, self.categories, strict=True)
        return [item_text(*row) for row in rows]

    def positions(self) -> dict[str, int]:
        """Return the position of each id."""
        return {item: i for i, item in enumerate(self.ids)}


@dataclass(frozen=True, slots=True)
class Pairs:
    """P directed edges between item positions. Substitutes stand in both directions."""

    src: Ints
    dst: Ints
    types: npt.NDArray[np.str_]
    """(P,) 'substitute' or 'complement'."""
    relations: npt.NDArray[np.str_]
    """(P,) the counted or declared relation behind each edge."""
    weights: Floats
    counts: Ints
    """(P,) how often both met; 1 for declared edges."""
    days: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    """(P,) when both met first, in days since 1970 (the beginning of that month); ``UNDATED`` where nobody knows."""
    freshness: Floats = field(default_factory=lambda: np.zeros(0, dtype=np.float32))
    """(P,) how much of an edge counts now: ``measure_freshness``; 1 where nobody knows when both met."""

    def __post_init__(self) -> None:
        """Pairs that come without days are undated, and count whole."""
        if not len(self.days):
            object.__setattr__(self, "days", np.full(len(self.src), UNDATED, dtype=np.int64))
        if not len(self.freshness):
            object.__setattr__(self, "freshness", np.ones(len(self.src), dtype=np.float32))

    def __len__(self) -> int:
        """Return P."""
        return len(self.src)

    def where(self, mask: npt.NDArray[np.bool_]) -> "Pairs":
        """Return the pairs that ``mask`` (P,) marks."""
        return self.take(np.flatnonzero(mask))

    def take(self, at: Ints | slice) -> "Pairs":
        """Return the pairs at the positions ``at``, in that order."""
        return Pairs(*(getattr(self, part.name)[at] for part in fields(Pairs)))

    def joined(self, others: "Pairs") -> "Pairs":
        """Return these pairs, and ``others`` behind them."""
        return Pairs(*(np.concatenate([getattr(self, part.name), getattr(others, part.name)]) for part in fields(Pairs)))

    def of_type(self, kind: str) -> "Pairs":
        """Return the pairs of one type."""
        return self.where(self.types == kind)

    def of_relations(self, names: Sequence[str]) -> "Pairs":
        """Return the pairs that come from the named relations."""
        return self.where(np.isin(self.relations, names))


@dataclass(frozen=True)
class TrainingSet:
    """What one run trains on: ``graph`` is 'evaluation' (the holdout left out) or 'full'."""

    graph: str
    items: Items
    pairs: Pairs

    @cached_property
    def index(self) -> dict[str, int]:
        """Position of each item id."""
        return self.items.positions()


def variant_groups(items: Items) -> Ints:
    """Return a number for each item's product, (N,): variants of one product share it."""
    names = [variant or item for variant, item in zip(items.variant_of, items.ids, strict=True)]
    _, groups = np.unique(np.array(names, dtype=np.str_), return_inverse=True)
    return groups.astype(np.int64)


def log_prices(prices: Floats) -> Floats:
    """Return log prices (N,); NaN where a price is unknown or not positive."""
    found: Floats = np.log(np.where(prices > 0, prices, np.nan)).astype(np.float32)
    return found


def read_training_set(profile: Profile, *, version: int, run: str, graph: str) -> TrainingSet:
    """Read the rows that ``run`` retrieved for ``graph``. Raises ``DataContractError`` where there are none."""
    rows = lake.read_table(profile, "training_sets", version=version, where={"run": run, "graph": graph})
    items = build_items(rows.filter(pa.compute.equal(rows["kind"], "item")))
    if not len(items):
        raise DataContractError(f"training_sets holds no items of run {run!r} for graph {graph!r}", "run the job build_training_set first")
    return TrainingSet(graph, items, build_pairs(rows.filter(pa.compute.equal(rows["kind"], "pair")), items))


def read_as_of(profile: Profile, *, version: int, run: str) -> datetime:
    """Return the time up to which the training set of a run knew the shop. Raises ``DataContractError`` where it has none."""
    known = lake.read_table(profile, "training_sets", version=version, columns=["as_of"], where={"run": run})["as_of"]
    latest: datetime | None = pa.compute.max(known).as_py()
    if latest is None:
        raise DataContractError(f"training_sets holds no rows of run {run!r}", "run the job build_training_set first")
    return latest


def build_items(rows: pa.Table) -> Items:
    """Return item features from rows of kind 'item' (or from the table ``items``), sorted by id."""
    rows = rows.sort_by("item_id")
    take = {name: rows.column(name).to_pylist() for name in rows.schema.names}
    return Items(
        ids=tuple(take["item_id"]),
        titles=tuple(take["title"]),
        brands=tuple(take["brand"]),
        categories=tuple(tuple(path or ()) for path in take["category"]),
        descriptions=tuple(take["description"]),
        prices=np.array([np.nan if p is None else p for p in take["price"]], dtype=np.float32),
        images=tuple(take["image"]),
        variant_of=tuple(take["variant_of"]),
        attributes=_attributes(take),
    )


def _attributes(take: Mapping[str, list[Any]]) -> tuple[dict[str, str], ...]:
    """Return each item's attributes by name; () where the rows hold none of them."""
    if "attributes_name" not in take:
        return ()
    named = zip(take["attributes_name"], take["attributes_value"], strict=True)
    return tuple(dict(zip(names or (), values or (), strict=True)) for names, values in named)


def build_pairs(rows: pa.Table, items: Items) -> Pairs:
    """Return pairs from rows of kind 'pair', as positions into ``items``. Pairs are sorted, so a re-read is equal."""
    rows = rows.sort_by([("type", "ascending"), ("item_id", "ascending"), ("dst", "ascending")])
    at = items.positions()
    counts = np.array([1 if n is None else n for n in rows["n"].to_pylist()], dtype=np.int64)
    return Pairs(
        src=np.array([at[i] for i in rows["item_id"].to_pylist()], dtype=np.int64),
        dst=np.array([at[i] for i in rows["dst"].to_pylist()], dtype=np.int64),
        types=np.array(rows["type"].to_pylist(), dtype=np.str_),
        relations=np.array(rows["relation"].to_pylist(), dtype=np.str_),
        weights=np.array(rows["weight"].to_pylist(), dtype=np.float32),
        counts=counts,
        days=_days(rows["first_seen"]),
        freshness=measure_freshness(rows, counts),
    )


def _days(first_seen: pa.ChunkedArray) -> Ints:
    """Return days since 1970, ``UNDATED`` for null."""
    days = pa.compute.cast(pa.compute.cast(first_seen, pa.date32(), safe=False), pa.int32())
    return np.asarray(days.fill_null(UNDATED).to_numpy(), dtype=np.int64)


def measure_freshness(rows: pa.Table, counts: Ints) -> Floats:
    """Return what decay and season leave of each edge of rows of kind 'pair' (P,) in the month of ``as_of``; 1 where nobody knows when both met.

    recency (1 + n / (n + SEASON_PRIOR) (season . now)), ``now`` the point of the year on the unit circle: an edge of one season counts up to
    twice in it and nothing half a year away, the less so the fewer meetings say that it has one.
    """
    recency, east, north = (rows[name].fill_null(blank).to_numpy() for name, blank in (("recency", 1.0), ("season_cos", 0.0), ("season_sin", 0.0)))
    month = pa.compute.month(rows["as_of"]).to_numpy()
    now = 2 * np.pi * (month - 0.5) / 12
    seasonal = (east * np.cos(now) + north * np.sin(now)) * counts / (counts + SEASON_PRIOR)
    return np.asarray(recency * (1 + seasonal), dtype=np.float32)
