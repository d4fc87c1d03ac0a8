"""Swing: how close two items are by the pairs of units (users, sessions, baskets) that share both. Robust to single noisy edges.

    s(i, j) = sum over u < v in U_i and U_j of w_u w_v / (alpha + |I_u and I_v|),  w_u = 1 / sqrt(|I_u|)

Yang et al., "Large Scale Product Graph Construction for Recommendation in E-commerce" (arXiv 2010.05525), with the user weight of that paper;
each pair of units counts once, and |I_u| is the number of distinct items. Two units that share much say little: they swing together
anyway. A pair of items that one unit alone holds scores nothing, which is why one odd basket makes no edge.

Units have relation, unit and items (array of distinct ids). All work happens at the rarer item of a pair: an item's units are multiplied with
each other inside Arrow batches, at most about ``max_units`` of them, drawn by a hash of the unit. Where fewer hold the rarer item the score is
exact; else it is scaled by the share of drawn pairs of units, which makes it an unbiased estimate.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Annotated

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field
from pydantic.dataclasses import dataclass
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from scipy import sparse

from goeswith.config import STRICT
from spark_jobs.pairs.relations import CO_PURCHASE, CO_VIEW

MAX_PRODUCTS = 5_000_000
"""Multiplications that one step of a batch may take: what it holds in memory follows from them."""


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Config:
    """``alpha`` damps pairs of units with little in common; sizes are units an item, and distinct items a unit."""

    alpha: Annotated[float, Field(gt=0)] = 1.0
    max_units: Annotated[int, Field(ge=2)] = 200
    max_items: Annotated[int, Field(ge=2)] = 100


def group_units(events: DataFrame) -> DataFrame:
    """Return users as units, or the basket where the user is not known, for co_purchase and co_view; leave reserved events out first."""
    relation = F.when(F.col("kind") == "purchase", CO_PURCHASE).otherwise(CO_VIEW)
    unit = F.coalesce(F.concat(F.lit("user "), "user_id"), F.concat(F.lit("basket "), "basket_id"))
    return events.groupBy(relation.alias("relation"), unit.alias("unit")).agg(F.collect_set("item_id").alias("items"))


def swing(units: DataFrame, config: Config) -> DataFrame:
    """Return relation, src, dst (src < dst) and swing (float64, over 0) for every two items that two units share."""
    anchors = group_by_rarer_item(units, config)
    scored = anchors.mapInArrow(_scorer(config.alpha), "relation string, rarer string, other string, swing double")
    ends = F.least("rarer", "other").alias("src"), F.greatest("rarer", "other").alias("dst")
    return scored.select("relation", *ends, "swing")


def left_out(units: DataFrame, config: Config) -> DataFrame:
    """Return, a relation a row, what the bounds leave out: large units, sampled items, and entries of theirs that were not drawn."""
    entries = _count_holders(_entries(_of_legal_size(units, config)))
    sampled = F.col("holders") > config.max_units
    drawn = entries.groupBy("relation").agg(
        F.count_distinct(F.when(sampled, F.col("item"))).alias("sampled_items"),
        F.count_if(~_is_drawn(config)).alias("entries_not_drawn"),
    )
    large = units.groupBy("relation").agg(F.count_if(F.size("items") > config.max_items).alias("large_units"))
    return large.join(drawn, on="relation", how="left").fillna(0)


def group_by_rarer_item(units: DataFrame, config: Config) -> DataFrame:
    """Return relation, item, scale and lists: the items of each drawn unit that holds ``item``, and whether a pair with each counts here.

    A pair counts at the item that fewer units hold, and where as many do, at the one whose id comes first. Units stand in the order of
    their items, so that floating point sums are the same however the rows arrive.
    """
    entries = _count_holders(_entries(_of_legal_size(units, config)))
    whole = entries.groupBy("relation", "unit").agg(F.array_sort(F.collect_list(F.struct("holders", "item"))).alias("items"))
    each = whole.select("relation", "unit", "items", F.explode("items").alias("anchor")).select("*", "anchor.*")
    drawn = each.where((F.col("holders") > 1) & _is_drawn(config))
    listed = F.transform("items", lambda other: F.struct(other["item"].alias("item"), (other > F.col("anchor")).alias("counts")))
    grouped = drawn.groupBy("relation", "item", "holders").agg(F.array_sort(F.collect_list(listed)).alias("lists"))
    m, n = F.size("lists"), F.col("holders")
    return grouped.where(m > 1).select("relation", "item", (n * (n - 1) / (m * (m - 1))).alias("scale"), "lists")


def _of_legal_size(units: DataFrame, config: Config) -> DataFrame:
    return units.where(F.size("items").between(2, config.max_items))


def _entries(units: DataFrame) -> DataFrame:
    return units.select("relation", "unit", F.explode("items").alias("item"))


def _count_holders(entries: DataFrame) -> DataFrame:
    holders = entries.groupBy("relation", "item").agg(F.count(F.lit(1)).alias("holders"))
    return entries.join(holders, on=["relation", "item"], how="inner")


def _is_drawn(config: Config) -> Column:
    """Return whether a unit is among those that stand for all holders of an item: by hash, the same units for every item."""
    place = F.shiftrightunsigned(F.xxhash64("unit"), 1).cast("double") / 2.0**63
    return place * F.col("holders") < config.max_units


def _scorer(alpha: float) -> Callable[[Iterable[pa.RecordBatch]], Iterable[pa.RecordBatch]]:
    def score(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for part in split_batch(batch):
                yield score_batch(part, alpha)

    return score


def split_batch(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Yield slices of whole rows that take at most ``MAX_PRODUCTS`` multiplications, or one row that takes more."""
    lists = batch.column("lists")
    units = pc.list_value_length(lists).to_numpy()
    ends = np.concatenate([[0], np.cumsum(pc.list_value_length(lists.flatten()).to_numpy())])[np.concatenate([[0], np.cumsum(units)])]
    steps = np.cumsum(units * np.diff(ends)) // MAX_PRODUCTS
    cuts = [0, *(np.flatnonzero(np.diff(steps)) + 1).tolist(), batch.num_rows]
    for start, stop in pairwise(cuts):
        yield batch.slice(start, stop - start)


def score_batch(batch: pa.RecordBatch, alpha: float) -> pa.RecordBatch:
    """Return relation, rarer, other and swing of the pairs that count at the batch's items.

    One block-diagonal matrix X holds the batch: a row a unit of an item, a column an item that stands in one of those units. X X' is then
    |I_u and I_v| of all units of one item, W the weight of each two, and the columns of X * (W X) sum up to twice the scores.
    """
    lists = batch.column("lists")
    flat = lists.flatten()
    sizes = pc.list_value_length(flat).to_numpy()
    block = np.repeat(np.arange(batch.num_rows), pc.list_value_length(lists).to_numpy())
    row = np.repeat(np.arange(len(flat)), sizes)
    entries = flat.flatten()
    items = entries.field("item").dictionary_encode()
    named = block[row] * max(len(items.dictionary), 1) + items.indices.to_numpy()
    columns, first, column = np.unique(named, return_index=True, return_inverse=True)
    held = sparse.csr_matrix((np.ones(len(row)), (row, column)), shape=(len(flat), len(columns)))
    scores = np.asarray(held.multiply(_weigh(held, sizes, alpha) @ held).sum(axis=0)).ravel() / 2
    found = first[entries.field("counts").to_numpy(zero_copy_only=False)[first] & (scores > 0)]
    anchor = block[row[found]]
    return pa.RecordBatch.from_arrays(
        [
            batch.column("relation").take(pa.array(anchor)),
            batch.column("item").take(pa.array(anchor)),
            entries.field("item").take(pa.array(found)),
            pa.array(scores[column[found]] * batch.column("scale").to_numpy()[anchor]),
        ],
        names=["relation", "rarer", "other", "swing"],
    )


def _weigh(held: sparse.csr_matrix, sizes: np.ndarray, alpha: float) -> sparse.csr_matrix:
    """Return w_u w_v / (alpha + |I_u and I_v|) for every two units of one item, nothing for a unit with itself."""
    weights = (held @ held.T).tocoo()
    own = 1 / np.sqrt(sizes)
    weights.data = np.where(weights.row == weights.col, 0.0, own[weights.row] * own[weights.col] / (alpha + weights.data))
    sorted_weights = weights.tocsr()
    sorted_weights.sort_indices()  # sums in the order of the units, whatever else lies in the batch
    return sorted_weights
