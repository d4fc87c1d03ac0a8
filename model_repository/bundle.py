"""Bundle completion: candidates by what they have in common with the given items, ranked by trees, or by the set encoder with words."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .completion import Completion, Found, Settings, as_probability, order_items
from .graph import open_graph
from .ranking import check_k, pad, top

INPUTS = ("given", "k")
MAX_GIVEN = 100

Arrays = dict[str, npt.NDArray[Any]]
Floats = npt.NDArray[np.float32]


class Model:
    """What was learned of the N items, in the order of their ids; trees where they ranked better than the set encoder."""

    def __init__(self, folder: Path) -> None:
        stored = json.loads((folder / "items.json").read_text(encoding="utf-8"))
        self.ids = np.array([item.encode() for item in stored["ids"]], dtype=np.object_)
        self.index = {item: i for i, item in enumerate(self.ids)}
        arrays = {path.stem: np.load(path, mmap_mode="r", allow_pickle=False) for path in folder.glob("*.npy")}
        self.inputs = arrays["set_input"]
        self.completion = Completion(arrays, Settings.of(stored["settings"]))
        self.encoder = open_graph(folder / "set_encoder.onnx")
        self.trees = open_graph(folder / "trees.onnx") if stored["line"] else None
        self.line = stored["line"]

    def answer(self, inputs: Arrays) -> Arrays:
        """Return item_ids and scores (B, k) for ``given`` ids (B, any, '' padded)."""
        rows = [self.complete(given, int(k)) for given, k in zip(inputs["given"], inputs["k"].ravel(), strict=True)]
        return {"item_ids": pad([ids for ids, _ in rows], b"", np.object_), "scores": pad([scores for _, scores in rows], 0.0, np.float32)}

    def complete(self, given: npt.NDArray[Any], k: int) -> tuple[npt.NDArray[Any], Floats]:
        """Return the best ``k`` items, best first, and their scores."""
        at = np.array(self.positions(given), dtype=np.int64)
        found = self.completion.find(at, self.query(at))
        scores = order_items(found, self.rank(found))
        scores[at] = -np.inf
        best = top(scores, check_k(k))
        return self.ids[best], scores[best]

    def query(self, at: npt.NDArray[np.int64]) -> Floats:
        """Return the set encoder's query (d,) of the items at some positions."""
        inputs = {"items": np.asarray(self.inputs[at])[None], "mask": np.ones((1, len(at)), dtype=np.float32)}
        query: Floats = self.encoder.run(None, inputs)[0][0]
        return query

    def rank(self, found: Found) -> Floats | None:
        """Return how likely each candidate is what is missing, (C,); None without trees or without candidates."""
        if self.trees is None or not len(found.items):
            return None
        return as_probability(self.trees.run(None, {"features": found.features})[0].ravel(), *self.line)

    def positions(self, given: npt.NDArray[Any]) -> list[int]:
        """Return where the given items stand. Raises ``ValueError`` that names an unknown one."""
        wanted = list(dict.fromkeys(item for item in given.tolist() if item))
        if not 1 <= len(wanted) <= MAX_GIVEN:
            raise ValueError(f"given: {len(wanted)} items, from 1 to {MAX_GIVEN}")
        unknown = [item for item in wanted if item not in self.index]
        if unknown:
            raise ValueError(f"given: unknown item {unknown[0].decode(errors='replace')!r}")
        return [self.index[item] for item in wanted]
