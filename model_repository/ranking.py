"""What every ranking model does: bound k, take the best, bring rows of unequal length into one array."""

from typing import Any

import numpy as np
import numpy.typing as npt

MAX_K = 200


def check_k(k: int) -> int:
    """Return k. Raises ``ValueError`` out of its bounds."""
    if not 1 <= k <= MAX_K:
        raise ValueError(f"k: {k}, from 1 to {MAX_K}")
    return k


def top(scores: npt.NDArray[np.float32], k: int) -> npt.NDArray[np.int64]:
    """Return the positions of the best ``k`` finite scores, best first, ties by position."""
    best = np.argpartition(-scores, k - 1)[:k] if k < len(scores) else np.arange(len(scores))
    best = best[np.isfinite(scores[best])]
    return best[np.lexsort((best, -scores[best]))]


def pad(rows: list[npt.NDArray[Any]], empty: Any, dtype: Any, width: int = 0) -> npt.NDArray[Any]:
    """Return rows of unequal length as one array, ``empty`` behind those shorter than the longest, or than ``width``."""
    out = np.full((len(rows), max(width, *map(len, rows))), empty, dtype=dtype)
    for line, row in zip(out, rows, strict=True):
        line[: len(row)] = row
    return out
