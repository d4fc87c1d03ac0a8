"""Rows of ``item_embeddings`` and ``item_neighbours``."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa

from goeswith.catalogue import find_table
from training.dataset import Floats, Ints
from training.mmsc.evidence import Evidence, build_likeness, explain
from training.mmsc.neighbours import NOTHING, Neighbours
from training.mmsc.scorer import MmscScorer
from training.mmsc.stored import SOURCES

BLOCK = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What every row says of its making: the run is model version and release in one."""

    run: str
    known_at: datetime

    def columns(self, rows: int) -> dict[str, list[object]]:
        """Return the columns that are equal in all rows."""
        return {"model_version": [self.run] * rows, "release": [self.run] * rows, "known_at": [self.known_at] * rows}


def embedding_rows(model: str, ids: tuple[str, ...], vectors: Floats, modalities: list[list[str]], stamp: Stamp) -> pa.Table:
    """Return one row an item; ``vectors`` (N, d) are L2-normalised here (a zero vector stays zero)."""
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    offsets = np.arange(len(ids) + 1, dtype=np.int32) * vectors.shape[1]
    lists = pa.ListArray.from_arrays(offsets, pa.array(unit.astype(np.float32).ravel()))
    columns = {"model": [model] * len(ids), "item_id": list(ids), "vector": lists, "modalities": modalities, **stamp.columns(len(ids))}
    return _table("item_embeddings", columns)


def neighbour_rows(kind: str, ids: tuple[str, ...], found: Neighbours, scorer: MmscScorer, evidence: Evidence, stamp: Stamp) -> pa.Table:
    """Return one row an item with its list, each place with score, source and reason."""
    query, place = np.nonzero(found.scores > NOTHING)
    dst, scores = found.items[query, place], found.scores[query, place]
    weakest = np.minimum(*(scorer.vectors.sources(kind)[end] for end in (query, dst)))
    sources = np.array(SOURCES)[weakest]
    reasons: list[str] = []
    for at in range(0, len(query), BLOCK):
        part = slice(at, at + BLOCK)
        likeness = build_likeness(scorer, kind, query[part], dst[part])
        reasons += explain(evidence, likeness, kind, ids, query[part], dst[part], sources[part])
    offsets = np.searchsorted(query, np.arange(len(ids) + 1))
    lists = _lists(offsets, {"item_id": [ids[j] for j in dst], "score": scores.astype(np.float32), "source": sources, "reason": reasons})
    return _table("item_neighbours", {"type": [kind] * len(ids), "item_id": list(ids), "neighbours": lists, **stamp.columns(len(ids))})


def _lists(offsets: Ints, columns: dict[str, object]) -> pa.ListArray:
    kind = find_table("item_neighbours").schema.field("neighbours").type.value_type
    places = pa.StructArray.from_arrays([pa.array(columns[f.name], f.type) for f in kind], fields=list(kind))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), places)


def _table(name: str, columns: dict[str, object]) -> pa.Table:
    schema = find_table(name).schema
    fields = [schema.field(column) for column in schema.names if column != "updated_at"]
    return pa.table([_array(columns[f.name], f.type) for f in fields], schema=pa.schema(fields))


def _array(values: object, kind: pa.DataType) -> pa.Array:
    return values.cast(kind) if isinstance(values, pa.Array) else pa.array(values, kind)
