"""From events to entries: which item lies in which unit of each relation, four numbers a row for the shuffle."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Literal

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from spark_jobs.pairs.keys import ITEM_BITS, MAX_ITEMS, NO_TIME
from spark_jobs.pairs.relations import CODES, RELATIONS, Relation
from spark_jobs.pairs.units import Entries

Scope = Literal["baskets", "users"]
SCOPES: tuple[Scope, ...] = ("baskets", "users")

COLUMNS = ("unit", "packed", "at", "basket")
"""Of an entry: 64-bit integers without nulls."""
HELD, VIEWED, OLD, RELATION = ITEM_BITS, ITEM_BITS + 1, ITEM_BITS + 2, ITEM_BITS + 3
"""Bits of ``packed`` above the item's number: reserved, a view, taken back, and the relation's code from there on."""


def build_entries(marked: DataFrame, relations: Sequence[str], scopes: Collection[Scope] = SCOPES, *, old: bool = False) -> DataFrame:
    """Return entries (``COLUMNS``) of standing events, which are ``marked`` with number and held, in one pass over them.

    In the scope of baskets are units that one basket decides on, in that of users those that need all that a user did. ``old``
    entries are taken back: their meetings count below zero.
    """
    known = F.col("user_id").isNotNull() & F.col("happened_at").isNotNull()
    each = [_entry_of(RELATIONS[CODES[name]], scopes, known, old=old) for name in relations]
    return marked.select(F.explode(F.array(*each)).alias("entry")).where(F.col("entry").isNotNull()).select("entry.*")


def _entry_of(relation: Relation, scopes: Collection[Scope], known: Column, *, old: bool) -> Column:
    """Return an event's entry in the relation; null where it has none."""
    flags = (CODES[relation.name] << RELATION) | (old << OLD)
    bits = F.col("held").cast("bigint") * (1 << HELD) + (F.col("kind") == "view").cast("bigint") * (1 << VIEWED)
    entry = F.struct(
        _unit(relation, known).alias("unit"),
        (F.col("number") + bits + F.lit(flags)).alias("packed"),
        F.coalesce(F.unix_seconds("happened_at"), F.lit(NO_TIME)).alias("at"),
        (F.xxhash64("basket_id") if relation.unit == "user" else F.lit(0)).cast("bigint").alias("basket"),
    )
    return F.when(F.col("kind").isin(*relation.kinds) & _in_scope(relation, scopes, known), entry)


def _in_scope(relation: Relation, scopes: Collection[Scope], known: Column) -> Column:
    """Tell which events have a unit in some scopes; a session is a user's day where user and time are known, else a basket."""
    by_user, by_basket = F.lit("users" in scopes) & known, F.lit("baskets" in scopes)
    return {"basket": by_basket, "session": by_user | (by_basket & ~known)}.get(relation.unit, by_user)


def _unit(relation: Relation, known: Column) -> Column:
    """Return a 64-bit hash of what an entry belongs to. Among 10^9 units, two fall together with a chance of one in forty."""
    day, basket = F.xxhash64(F.lit("day"), "user_id", F.to_date("happened_at")), F.xxhash64(F.lit("basket"), "basket_id")
    units = {"basket": basket, "user": F.xxhash64(F.lit("user"), "user_id"), "user and day": day, "session": F.when(known, day).otherwise(basket)}
    return F.xxhash64(F.lit(relation.name), units[relation.unit])


def read_batches(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[Relation, int, Entries]]:
    """Yield a partition's entries by relation, with the sign of their meetings."""
    parts = [[column.to_numpy() for column in batch.columns] for batch in batches]
    unit, packed, at, basket = (np.concatenate([part[k] for part in parts] or [np.zeros(0, np.int64)]) for k in range(len(COLUMNS)))
    tags = packed >> OLD
    for tag in np.unique(tags).tolist():
        rows = np.flatnonzero(tags == tag)
        bits = packed[rows]
        held, viewed = (((bits >> bit) & 1).astype(np.bool_) for bit in (HELD, VIEWED))
        entries = Entries(unit[rows], bits & MAX_ITEMS, at[rows], basket[rows], held, viewed)
        yield RELATIONS[tag >> 1], -1 if tag & 1 else 1, entries
