"""What the learned judge sees of a pair: hashed n-grams of both titles, categories, and a few statistics.

A symmetric part, equal for both orders, and a directed one: what stands on the asked item's side, what on the answer's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

import numpy as np
import numpy.typing as npt

from goeswith.pair_judge.item import Item
from goeswith.pair_judge.ngrams import Hashes, hash_ngrams, hash_words, mix, normalise

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

VERSION = "pairs-1"
"""Changes whenever the same pair would give other features: a model of another version is refused."""
FAR_PRICE = log(100)
SHARED, UNSHARED, SRC_SIDE, DST_SIDE, CATEGORIES, CATEGORY_ORDER = map(np.uint64, range(1, 7))
STATISTICS = (
    "constant",
    "title_overlap",
    "title_held",
    "word_overlap",
    "like_length",
    "title_missing",
    "same_narrowest",
    "shared_depth",
    "other_department",
    "category_missing",
    "same_brand",
    "other_brand",
    "brand_missing",
    "price_far",
    "price_missing",
    "attribute_overlap",
    "dearer",
    "longer",
)
"""The dense columns before the hashed ones; the last two are directed."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How wide the features are: n-grams of ``low`` to ``high`` characters, hashed into 2 ** ``bits`` columns behind the statistics."""

    low: int
    high: int
    bits: int

    @property
    def width(self) -> int:
        """All columns."""
        return len(STATISTICS) + (1 << self.bits)


@dataclass(frozen=True, slots=True)
class Rows:
    """P sparse rows, as in scipy's CSR: row p has ``values[starts[p]:starts[p+1]]`` in columns ``columns[...]``; none is empty."""

    starts: Ints
    columns: Ints
    values: Floats


def build_rows(pairs: Sequence[tuple[Item, Item]], shape: Shape) -> Rows:
    """Return the features of P pairs, in the order (src, dst) in which they are given."""
    rows = [_row(src, dst, shape) for src, dst in pairs]
    starts = np.cumsum([0, *(len(columns) for columns, _ in rows)], dtype=np.int64)
    columns = np.concatenate([columns for columns, _ in rows]) if rows else np.zeros(0, np.int64)
    values = np.concatenate([values for _, values in rows]) if rows else np.zeros(0, np.float32)
    return Rows(starts, columns, values)


def _row(src: Item, dst: Item, shape: Shape) -> tuple[Ints, Floats]:
    left, right = (hash_ngrams(normalise(item.title), shape.low, shape.high) for item in (src, dst))
    shared = np.intersect1d(left, right, assume_unique=True)
    only_left, only_right = (np.setdiff1d(side, shared, assume_unique=True) for side in (left, right))
    groups = [
        (SHARED, shared),
        (UNSHARED, np.concatenate([only_left, only_right])),
        (SRC_SIDE, only_left),
        (DST_SIDE, only_right),
        *_category_groups(src.category, dst.category),
    ]
    hashed = [_columns(salt, hashes, shape) for salt, hashes in groups]
    numbers = [_statistics(src, dst, left, right, shared), *(_unit(len(columns)) for columns in hashed)]
    return np.concatenate([np.arange(len(STATISTICS)), *hashed]), np.concatenate(numbers)


def _columns(salt: np.uint64, hashes: Hashes, shape: Shape) -> Ints:
    buckets = mix(hashes + salt) & np.uint64((1 << shape.bits) - 1)
    return buckets.astype(np.int64) + len(STATISTICS)


def _unit(count: int) -> Floats:
    """Return ``count`` equal numbers of length one together: a long title weighs no more than a short one."""
    return np.full(count, 1 / np.sqrt(max(count, 1)), dtype=np.float32)


def _category_groups(left: tuple[str, ...], right: tuple[str, ...]) -> list[tuple[np.uint64, Hashes]]:
    """Return the pair of narrowest categories, once without and once with its order; nothing where one is missing."""
    if not (left and right):
        return []
    there, back = left[-1].strip().casefold(), right[-1].strip().casefold()
    return [(CATEGORIES, hash_words(*sorted((there, back)))), (CATEGORY_ORDER, hash_words(there, back))]


def _statistics(src: Item, dst: Item, left: Hashes, right: Hashes, shared: Hashes) -> Floats:
    numbers = [
        1.0,
        *_titles(src, dst, left, right, shared),
        *_categories(src.category, dst.category),
        *_brands(src.brand, dst.brand),
        *_prices(src.price, dst.price),
        _jaccard(set(src.attributes), set(dst.attributes)),
        _log_ratio(src.price, dst.price),
        (len(left) - len(right)) / max(len(left) + len(right), 1),
    ]
    return np.array(numbers, dtype=np.float32)


def _titles(src: Item, dst: Item, left: Hashes, right: Hashes, shared: Hashes) -> list[float]:
    sizes = sorted((len(left), len(right)))
    words = (set(normalise(item.title).split()) for item in (src, dst))
    overlap = len(shared) / max(sum(sizes) - len(shared), 1)
    return [overlap, len(shared) / max(sizes[0], 1), _jaccard(*words), sizes[0] / max(sizes[1], 1), float(not sizes[0])]


def _categories(left: tuple[str, ...], right: tuple[str, ...]) -> list[float]:
    if not (left and right):
        return [0.0, 0.0, 0.0, 1.0]
    there, back = ([name.strip().casefold() for name in path] for path in (left, right))
    shared = next((i for i, (a, b) in enumerate(zip(there, back, strict=False)) if a != b), min(len(there), len(back)))
    return [float(there[-1] == back[-1]), shared / max(len(there), len(back)), float(shared == 0), 0.0]


def _brands(left: str | None, right: str | None) -> list[float]:
    if not (left and right):
        return [0.0, 0.0, 1.0]
    same = left.strip().casefold() == right.strip().casefold()
    return [float(same), float(not same), 0.0]


def _prices(left: float | None, right: float | None) -> list[float]:
    return [abs(_log_ratio(left, right)), float(not (left and right))]


def _log_ratio(left: float | None, right: float | None) -> float:
    """Return how many times dearer the first is, as a share of ``FAR_PRICE`` in [-1, 1]; 0 where a price is missing."""
    if not (left and right and left > 0 and right > 0):
        return 0.0
    return max(-1.0, min(1.0, (log(left) - log(right)) / FAR_PRICE))


def _jaccard(left: "set[str] | set[tuple[str, str]]", right: "set[str] | set[tuple[str, str]]") -> float:
    return len(left & right) / len(left | right) if left | right else 0.0
