"""The baskets that are counted: Instacart's as they are, repeated with fresh ids and permuted items, and made ones of any shape."""

import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from goeswith import fingerprint
from goeswith.errors import SourceUnreadable

Ints = npt.NDArray[np.int64]
COLUMNS = ("order_id", "product_id")
ID_STEP = 10_000_000
"""Distance between the order ids of one copy and the next; Instacart's own stay below it."""
SEED = 0
POPULARITY = 0.75
"""Exponent of the made items' popularity: the k-th most popular is drawn in proportion to k^-0.75, near Instacart's slope."""


def instacart_file(folder: Path) -> Path:
    """Return the file of Instacart's training orders. Raises ``SourceUnreadable``."""
    path = folder / "order_products__train.parquet"
    if not path.is_file():
        raise SourceUnreadable(f"there is no {path}", "name the folder of the Instacart tables with --data")
    return path


def read_instacart(folder: Path) -> pa.Table:
    """Return Instacart's training orders as (order_id, product_id). Raises ``SourceUnreadable``."""
    return pq.read_table(instacart_file(folder), columns=list(COLUMNS)).cast(pa.schema([(name, pa.int64()) for name in COLUMNS]))


def source_key(folder: Path) -> str:
    """Return a name for what is made of this source: another one where its orders change. Raises ``SourceUnreadable``."""
    return fingerprint.of_files(instacart_file(folder))[:12]


def copies(orders: pa.Table, count: int) -> Iterator[pa.Table]:
    """Yield ``count`` copies with fresh order ids; the first keeps its items, each later one permutes all of them anew."""
    rng = np.random.default_rng(SEED)
    order_ids, product_ids = (orders[name].to_numpy() for name in COLUMNS)
    known, places = np.unique(product_ids, return_inverse=True)
    for copy in range(count):
        names = rng.permutation(known) if copy else known
        yield as_table(order_ids + copy * ID_STEP, names[places])


def first_orders(orders: pa.Table, start: int, stop: int) -> pa.Table:
    """Return the orders from the ``start``-th to before the ``stop``-th, in the order of their ids."""
    wanted = pc.unique(orders["order_id"]).sort()[start:stop]
    return orders.filter(pc.is_in(orders["order_id"], value_set=wanted))


def made_orders(events: int, basket_size: int, items: int) -> pa.Table:
    """Return ``events`` rows of orders that draw ``basket_size`` items each, by popularity; an item drawn twice stands twice."""
    rng = np.random.default_rng(SEED)
    weights = np.arange(1, items + 1) ** -POPULARITY
    drawn = np.searchsorted(np.cumsum(weights), rng.random(events) * weights.sum())
    return as_table(np.arange(events) // basket_size, rng.permutation(items)[drawn])


def describe_orders(paths: Iterable[Path], sizes: tuple[int, int]) -> dict[str, float]:
    """Return events, items, and the baskets and meetings (two items in one basket) that a count of baskets of these ``sizes`` sees."""
    events = pa.concat_tables(pq.read_table(path) for path in paths)
    counted = events.group_by(list(COLUMNS)).aggregate([]).group_by("order_id").aggregate([("product_id", "count")])["product_id_count"].to_numpy()
    kept = counted[(counted >= sizes[0]) & (counted <= sizes[1])]
    found = {
        "events": events.num_rows,
        "items": len(pc.unique(events["product_id"])),
        "baskets": len(kept),
        "meetings": (kept * (kept - 1) // 2).sum(),
    }
    return {name: float(value) for name, value in found.items()}


def as_table(order_ids: Ints, product_ids: Ints) -> pa.Table:
    """Return one row an event."""
    return pa.table({"order_id": order_ids.astype(np.int64), "product_id": product_ids.astype(np.int64)})


def keep_orders(folder: Path, make: Callable[[], Iterable[pa.Table]]) -> list[Path]:
    """Return the Parquet files of ``folder``, one a table, making them first where they are not there yet."""
    if not folder.is_dir():
        beside = folder.with_name(f".{folder.name}")
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(parents=True)
        for number, table in enumerate(make()):
            pq.write_table(table, beside / f"part-{number:03}.parquet")
        beside.rename(folder)
    return sorted(folder.glob("*.parquet"))
