"""The index of a large catalogue's vectors: built with the export, and as wide as it takes to find what an exact search finds."""

from pathlib import Path
from typing import Any

import faiss
import numpy as np

from goeswith.errors import ModelInvalid
from goeswith.results import write_json
from model_repository.search import EXACT_UP_TO, Index, Search
from training.dataset import Floats

LISTS_AN_ITEM_ROOT = 4
"""Inverted lists: four times the root of the number of vectors, as FAISS's guidelines have it."""
TAUGHT_A_LIST = 64
"""Vectors by which the lists' centres are learned."""
PROBES = (8, 16, 32, 64, 128, 256)
"""In how many lists to look, tried in this order; behind them, in all: vectors that lie in no heaps have their nearest anywhere."""
LEAST_RECALL = 0.97
"""Of the 20 nearest, on average over sampled items: an index that finds fewer is not served."""
NEAREST, SAMPLED = 20, 256


def write_index(vectors: Floats, folder: Path, name: str, seed: int = 0) -> float | None:
    """Write the index of the vectors (N, d) that NAME.npy holds, beside it, and return its recall; None where an exact search is as cheap.

    Raises ``ModelInvalid`` where even the widest search finds too few.
    """
    if len(vectors) <= EXACT_UP_TO:
        return None
    index = build_index(vectors, seed)
    probes, recall = choose_probes(vectors, index, seed)
    faiss.write_index(index, str(folder / f"{name}.faiss"))
    write_json(folder / f"{name}.json", {"probes": probes, "recall_at_20": recall, "lists": index.nlist})
    return recall


def build_index(vectors: Floats, seed: int) -> Any:
    """Return inverted lists over the vectors, a byte a number."""
    count, width = vectors.shape
    lists = int(LISTS_AN_ITEM_ROOT * count**0.5)
    index: Any = faiss.index_factory(width, f"IVF{lists},SQ8", faiss.METRIC_INNER_PRODUCT)
    index.cp.seed, index.cp.niter = seed, 10
    index.train(vectors[np.random.default_rng(seed).permutation(count)[: TAUGHT_A_LIST * lists]])
    index.add(vectors)
    return index


def choose_probes(vectors: Floats, index: Any, seed: int) -> tuple[int, float]:
    """Return in how many lists to look, the fewest that find enough, and the recall. Raises ``ModelInvalid``."""
    sampled = np.random.default_rng(seed).choice(len(vectors), min(SAMPLED, len(vectors)), replace=False)
    exact = Search(vectors)
    wanted = [exact.best(vectors[at], None, NEAREST)[0] for at in sampled]
    recall = 0.0
    for probes in (*(some for some in PROBES if some < index.nlist), index.nlist):
        search = Search(vectors, Index(index, probes))
        found = [search.best(vectors[at], None, NEAREST)[0] for at in sampled]
        recall = float(np.mean([np.isin(best, some).mean() for best, some in zip(wanted, found, strict=True)]))
        if recall >= LEAST_RECALL:
            return probes, recall
    raise ModelInvalid(
        f"the index finds {recall:.3f} of the {NEAREST} nearest items, at least {LEAST_RECALL:g}",
        "look at the vectors: many are nearly the same, or not finite",
    )
