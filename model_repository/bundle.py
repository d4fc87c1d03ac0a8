"""Bundle completion, ItemKNN over CIRP's features: the mean of the given items against all items (CIRP, section 'bundle construction')."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .ranking import check_k, pad, top

INPUTS = ("given", "k")
MAX_GIVEN = 100

Arrays = dict[str, npt.NDArray[Any]]


class Model:
    """Features (N, d) of the items in the order of their ids."""

    def __init__(self, folder: Path) -> None:
        ids = json.loads((folder / "items.json").read_text(encoding="utf-8"))["ids"]
        self.ids = np.array([item.encode() for item in ids], dtype=np.object_)
        self.index = {item: i for i, item in enumerate(self.ids)}
        self.feature = np.load(folder / "feature.npy", mmap_mode="r", allow_pickle=False)

    def answer(self, inputs: Arrays) -> Arrays:
        """Return item_ids and scores (B, k) for ``given`` ids (B, any, '' padded)."""
        rows = [self.complete(given, int(k)) for given, k in zip(inputs["given"], inputs["k"].ravel(), strict=True)]
        return {"item_ids": pad([ids for ids, _ in rows], b"", np.object_), "scores": pad([scores for _, scores in rows], 0.0, np.float32)}

    def complete(self, given: npt.NDArray[Any], k: int) -> tuple[npt.NDArray[Any], npt.NDArray[np.float32]]:
        """Return the best ``k`` items, best first, and their scores."""
        at = self.positions(given)
        scores = self.feature @ self.feature[at].mean(axis=0)
        scores[at] = -np.inf
        best = top(scores, check_k(k))
        return self.ids[best], scores[best]

    def positions(self, given: npt.NDArray[Any]) -> list[int]:
        """Return where the given items stand. Raises ``ValueError`` that names an unknown one."""
        wanted = list(dict.fromkeys(item for item in given.tolist() if item))
        if not 1 <= len(wanted) <= MAX_GIVEN:
            raise ValueError(f"given: {len(wanted)} items, from 1 to {MAX_GIVEN}")
        unknown = [item for item in wanted if item not in self.index]
        if unknown:
            raise ValueError(f"given: unknown item {unknown[0].decode(errors='replace')!r}")
        return [self.index[item] for item in wanted]
