"""Who is nearest among N vectors: exactly while they are few, by an index when they are many; and how a score stands among all.

An index (FAISS: inverted lists over vectors of one byte a number) only proposes: what it proposes is scored by the vectors themselves.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .ranking import top

EXACT_UP_TO = 50_000
"""Vectors that are searched one by one although there is an index: a filter leaves so few, and the index would look past most of them."""
PROPOSED = 4
"""Candidates that the index proposes for each that is asked for."""

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


class Search:
    """Vectors (N, d), and where an export holds one for them, their index."""

    def __init__(self, vectors: Floats, index: "Index | None" = None) -> None:
        self.vectors, self.index = vectors, index
        self.mean = vectors.mean(axis=0, dtype=np.float64)
        self.second = _second_moment(vectors)

    def best(self, query: Floats, within: Ints | None, count: int) -> tuple[Ints, Floats]:
        """Return the best ``count`` positions, best first, and their scores; ``within`` (M,) names those that may be found, None: all."""
        if self.index is not None and (within is None or len(within) > EXACT_UP_TO):
            within = self.index.propose(query, within, PROPOSED * count)
        scores = self.vectors @ query if within is None else self.vectors[within] @ query
        at = top(scores, count)
        return (at if within is None else within[at]), scores[at]

    def scores(self, query: Floats, at: Ints) -> Floats:
        """Return the scores of the items at ``at``."""
        found: Floats = self.vectors[at] @ query
        return found

    def standing(self, query: Floats, scores: Floats) -> Floats:
        """Return scores in standard deviations from the mean of what the query scores with all N: by two moments, not by N products."""
        wide = query.astype(np.float64)
        mean = float(self.mean @ wide)
        spread = float(np.sqrt(max(0.0, float(wide @ self.second @ wide) - mean**2)))
        return ((scores - mean) / max(spread, 1e-6)).astype(np.float32)


def _second_moment(vectors: Floats, block: int = 65_536) -> npt.NDArray[np.float64]:
    """Return the mean of v v^T (d, d)."""
    total = np.zeros((vectors.shape[1],) * 2, dtype=np.float64)
    for start in range(0, len(vectors), block):
        part = vectors[start : start + block].astype(np.float64)
        total += part.T @ part
    return total / max(1, len(vectors))


class Index:
    """A FAISS index of inverted lists, and how many of them are looked into."""

    def __init__(self, index: Any, probes: int) -> None:
        self.index, self.probes = index, probes

    def propose(self, query: Floats, within: Ints | None, count: int) -> Ints:
        """Return up to ``count`` positions that may be the nearest, in no order; filters hold inside the search."""
        import faiss

        how: Any = faiss.SearchParametersIVF()
        how.nprobe = self.probes
        only = None if within is None else faiss.IDSelectorBatch(within)  # held here: FAISS keeps no reference to it
        how.sel = only
        found = self.index.search(np.ascontiguousarray(query[None], dtype=np.float32), count, params=how)[1][0]
        return np.asarray(found[found >= 0], dtype=np.int64)


def load_index(folder: Path, name: str) -> Index | None:
    """Return the index of the vectors NAME.npy, or None where the export has none."""
    path = folder / f"{name}.faiss"
    if not path.exists():
        return None
    import faiss

    faiss.omp_set_num_threads(1)  # Triton answers requests side by side
    return Index(faiss.read_index(str(path)), json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))["probes"])
