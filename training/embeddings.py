"""Rows of ``item_embeddings``: a model's vector of each item, and what it came from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from goeswith.catalogue import find_table
from training.dataset import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What every row says of its making: the run that trained the model, the one whose release names the tables, and when all was known."""

    model_version: str
    release: str
    known_at: datetime

    def columns(self, rows: int) -> dict[str, list[object]]:
        """Return the columns that are equal in all rows."""
        return {"model_version": [self.model_version] * rows, "release": [self.release] * rows, "known_at": [self.known_at] * rows}


def embedding_rows(model: str, ids: Sequence[str], vectors: Floats, present: Mapping[str, Any], columns: Mapping[str, Any]) -> pa.Table:
    """Return one row an item; ``vectors`` (N, d) are L2-normalised here (a zero vector stays zero).

    ``present`` maps each modality to whether an item has it (N,); ``columns`` are the others, N values each.
    """
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    offsets = np.arange(len(ids) + 1, dtype=np.int32) * vectors.shape[1]
    lists = pa.ListArray.from_arrays(offsets, pa.array(unit.astype(np.float32).ravel()))
    modalities = [[name for name, there in zip(present, row, strict=True) if there] for row in zip(*present.values(), strict=True)]
    own = {"model": [model] * len(ids), "item_id": list(ids), "vector": lists, "modalities": modalities}
    return build_table("item_embeddings", {**own, **columns})


def build_table(name: str, columns: Mapping[str, Any]) -> pa.Table:
    """Return rows in the catalogue's types, less ``updated_at``; a column that may be null is where it is not given."""
    schema, rows = find_table(name).schema, len(next(iter(columns.values())))
    fields = [schema.field(column) for column in schema.names if column != "updated_at"]
    return pa.table([_array(columns.get(f.name, [None] * rows), f.type) for f in fields], schema=pa.schema(fields))


def _array(values: Any, kind: pa.DataType) -> pa.Array:
    return values.cast(kind) if isinstance(values, pa.Array | pa.ChunkedArray) else pa.array(values, kind)
