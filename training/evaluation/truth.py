"""Planted truth of the synthetic shop. Evaluation alone reads it; no model and no baseline ever does."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from training.dataset import Bools, Ints, TrainingSet

SAME_SHOP = 0.9
"""Share of the truth's items that the catalogue must know: else the truth is of a shop that was ingested before this one."""


@dataclass(frozen=True, slots=True)
class Truth:
    """True directed pairs by type, and planted bundles that no table holds; all as item positions."""

    pairs: dict[str, tuple[Ints, Ints]]
    bundles: tuple[tuple[int, ...], ...]
    conflict: Bools
    """(N,) whose picture shows another item than its text."""


def read_truth(folder: Path, training: TrainingSet) -> Truth | None:
    """Return the truth about the items of a training set; None where there is none, or it speaks of another shop."""
    files = {kind: folder / f"{kind}s.parquet" for kind in ("substitute", "complement")}
    bundles = folder / "bundles.parquet"
    if not all(path.is_file() for path in (*files.values(), bundles)):
        return None
    tables = {kind: pq.read_table(path) for kind, path in files.items()}
    if _known_share(tables["complement"], training) < SAME_SHOP:
        return None
    pairs = {kind: _pairs(rows, training) for kind, rows in tables.items()}
    return Truth(pairs, _bundles(pq.read_table(bundles), training), _conflict(folder / "items.parquet", training))


def _known_share(rows: pa.Table, training: TrainingSet) -> float:
    named = set(rows["src"].to_pylist()) | set(rows["dst"].to_pylist())
    return sum(item in training.index for item in named) / max(1, len(named))


def _pairs(rows: pa.Table, training: TrainingSet) -> tuple[Ints, Ints]:
    at = training.index
    known = [(at[a], at[b]) for a, b in zip(rows["src"].to_pylist(), rows["dst"].to_pylist(), strict=True) if a in at and b in at]
    ends = np.array(sorted(set(known)), dtype=np.int64).reshape(-1, 2)
    return ends[:, 0], ends[:, 1]


def _conflict(path: Path, training: TrainingSet) -> Bools:
    found = np.zeros(len(training.items), dtype=np.bool_)
    if path.is_file():
        rows = pq.read_table(path, columns=["item_id", "conflict"])
        found[[training.index[i] for i in rows.filter(rows["conflict"])["item_id"].to_pylist() if i in training.index]] = True
    return found


def _bundles(rows: pa.Table, training: TrainingSet) -> tuple[tuple[int, ...], ...]:
    members: dict[str, list[int]] = {}
    for bundle, item in zip(rows["bundle_id"].to_pylist(), rows["item_id"].to_pylist(), strict=True):
        if item in training.index:
            members.setdefault(bundle, []).append(training.index[item])
    return tuple(tuple(sorted(members[name])) for name in sorted(members))
