"""Two items, a direction and a month in one unsigned 64-bit key, so that counting is sorting.

From the top: ``low`` (27 bits), ``high`` (27), ``back`` (1), ``month`` (9), where low <= high are item numbers. ``back`` says that a
directed meeting goes from high to low. All of a pair's keys are neighbours, and its first byte is the pair's bucket.
"""

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

ITEM_BITS, MONTH_BITS = 27, 9
MAX_ITEMS = 2**ITEM_BITS - 1
BUCKETS, BUCKET_SHIFT = 256, 56
"""A key's first byte is its bucket. Item numbers are scattered over their range, so that buckets fill alike."""
NO_TIME = np.iinfo(np.int64).min
"""``at`` of an event that has no time; its month is 0."""
FIRST_MONTH = 30 * 12
"""2000-01, as months since 1970; month 1 of a key. Earlier ones count as this one."""
LAST_MONTH = 2**MONTH_BITS - 1
"""2042-07: later ones count as this one."""

_BACK, _HIGH, _LOW = (np.uint64(n) for n in (MONTH_BITS, MONTH_BITS + 1, MONTH_BITS + 1 + ITEM_BITS))
_ITEM, _MONTH, _ONE = np.uint64(MAX_ITEMS), np.uint64(LAST_MONTH), np.uint64(1)


def pack(src: Ints, dst: Ints, month: Ints) -> Keys:
    """Return the keys of meetings from ``src`` to ``dst``, equal lengths."""
    low, high = np.minimum(src, dst), np.maximum(src, dst)
    back: Keys = (src > dst).astype(np.uint64) << _BACK
    return as_low(low) | as_high(high) | back | month.astype(np.uint64)


def as_low(number: Ints) -> Keys:
    """Return the part of a key that the lower item fills; the parts of a key are joined by ``|``."""
    return number.astype(np.uint64) << _LOW


def as_high(number: Ints) -> Keys:
    """Return the part of a key that the higher item fills."""
    return number.astype(np.uint64) << _HIGH


def pack_item(number: Ints, month: Ints, *, as_src: bool = False) -> Keys:
    """Return the keys under which an item's own count stands: how many units hold it, as src of a directed relation or else."""
    return as_low(number) | as_high(number) | np.uint64(as_src) << _BACK | month.astype(np.uint64)


def low_of(keys: Keys) -> Ints:
    """Return the lower item numbers."""
    return (keys >> _LOW).astype(np.int64)


def high_of(keys: Keys) -> Ints:
    """Return the higher item numbers."""
    return (keys >> _HIGH & _ITEM).astype(np.int64)


def back_of(keys: Keys) -> Bools:
    """Return whether a meeting goes from high to low."""
    return (keys >> _BACK & _ONE).astype(np.bool_)


def month_of(keys: Keys) -> Ints:
    """Return the months, 0 where there is no time."""
    return (keys & _MONTH).astype(np.int64)


def way_of(keys: Keys) -> Keys:
    """Return what is equal for all months of one directed pair."""
    return keys >> _BACK


def pair_of(keys: Keys) -> Keys:
    """Return what is equal for all months and both directions of a pair."""
    return keys >> _HIGH


def month_at(seconds: Ints) -> Ints:
    """Return the months of moments (epoch seconds, UTC; ``NO_TIME`` gives 0)."""
    since = seconds.astype("datetime64[s]").astype("datetime64[M]").astype(np.int64) - FIRST_MONTH + 1
    return np.where(seconds == NO_TIME, 0, np.clip(since, 1, LAST_MONTH))
