"""The planted truth as files, apart from what models may read: only evaluation opens them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from spark_jobs.sources.shop.bundles import Bundle
from spark_jobs.sources.shop.latent import Bools, Ints, Items
from spark_jobs.sources.shop.world import CATEGORIES


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What was planted, over N items by number.

    ``complements`` (directed) and ``substitutes`` (symmetric) are (N, N); ``bought`` and ``viewed`` (N, N) count the baskets and
    sessions that hold both; ``bundles`` are those that no model is shown.
    """

    items: Items
    complements: Bools
    substitutes: Bools
    bought: Ints
    viewed: Ints
    bundles: tuple[Bundle, ...]


def write_truth(truth: Truth, folder: Path) -> None:
    """Write items, complements, substitutes and bundles as parquet."""
    folder.mkdir(parents=True, exist_ok=True)
    ids = truth.items.item_id
    tables = {
        "items": _item_table(truth.items),
        "complements": _pair_table(ids, truth.complements),
        "substitutes": _pair_table(ids, truth.substitutes),
        "bundles": _bundle_table(ids, truth.bundles),
    }
    for name, table in tables.items():
        pq.write_table(table, folder / f"{name}.parquet")


def _item_table(items: Items) -> pa.Table:
    ids = items.item_id
    parent = [str(ids[p]) if p != i else None for i, p in enumerate(items.variant_of)]
    names = [c.name for c in CATEGORIES]
    columns = {
        "item_id": ids.tolist(),
        "category": [names[c] for c in items.category],
        "palette": items.palette,
        "occasion": items.occasion,
        "club": items.club,
        "price": items.price,
        "popularity": items.popularity,
        "variant_of": pa.array(parent, pa.string()),
        "is_new": items.is_new,
        "conflict": items.conflict,
        "shown_item_id": ids[items.shown].tolist(),
    }
    return pa.table(columns)


def _pair_table(ids: np.ndarray[tuple[int], np.dtype[np.str_]], related: Bools) -> pa.Table:
    src, dst = np.nonzero(related)
    return pa.table({"src": ids[src].tolist(), "dst": ids[dst].tolist()}, schema=pa.schema([("src", pa.string()), ("dst", pa.string())]))


def _bundle_table(ids: np.ndarray[tuple[int], np.dtype[np.str_]], bundles: tuple[Bundle, ...]) -> pa.Table:
    rows = [{"bundle_id": b.bundle_id, "item_id": str(ids[i])} for b in bundles for i in b.chosen]
    return pa.Table.from_pylist(rows, schema=pa.schema([("bundle_id", pa.string()), ("item_id", pa.string())]))
